"""One step of a pipeline on a thread of its own, a few items ahead of the next one."""

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1


class Ahead(Generic[T]):
    """Iterates over `source` on another thread; leaving the `with` ends that thread.

    What the source raises is raised here. The source is closed on its own thread.
    """

    def __init__(self, source: Iterator[T], size: int) -> None:
        self._source = source
        self._items: queue.Queue[T | _End] = queue.Queue(size)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)

    @property
    def is_empty(self) -> bool:
        """Whether the next item is still being made."""
        return self._items.empty()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._left.set()
        with suppress(queue.Empty):
            while True:
                self._items.get_nowait()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._items.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._source:
                if not self._put(item):
                    break
        except BaseException as caught:  # noqa: BLE001 (raised again by the one who waits)
            error = caught
        finally:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
        self._put(_End(error))

    def _put(self, item: "T | _End") -> bool:
        while not self._left.is_set():
            with suppress(queue.Full):
                self._items.put(item, timeout=_POLL_SECONDS)
                return True
        return False


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error
