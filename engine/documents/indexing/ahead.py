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
        self._end: _End | None = None
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)

    @property
    def has_ended(self) -> bool:
        """Whether the last item has been taken, as far as is known."""
        return self._end is not None

    def wait(self, seconds: float) -> T | None:
        """Return the next item; None if it takes longer than that, or if there is none."""
        try:
            return self._take(max(0.0, seconds))
        except (queue.Empty, StopIteration):
            return None

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
        return self

    def __next__(self) -> T:
        return self._take(None)

    def _take(self, seconds: float | None) -> T:
        if self._end is None:
            item = self._items.get(timeout=seconds)
            if not isinstance(item, _End):
                return item
            self._end = item
        if self._end.error is not None:
            raise self._end.error
        raise StopIteration

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
