"""No change is missed, however slowly the watching of a folder begins."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from library_helpers import wait_until
from watchfiles import watch

from engine.documents.indexing import watching
from engine.documents.indexing.watching import Watcher


def test_a_change_before_the_watching_begins_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = threading.Event()

    def slow_watch(*arguments: Any, **options: Any) -> Iterator[Any]:
        changed.wait()
        yield from watch(*arguments, **options)

    monkeypatch.setattr(watching, "watch", slow_watch)
    heard: set[Path] = set()
    watcher = Watcher(lambda _folder, paths: heard.update(paths))
    watcher.watch([tmp_path])
    (tmp_path / "tea.md").write_text("绿茶")
    changed.set()
    wait_until(lambda: tmp_path in heard)
    (tmp_path / "bridge.md").write_text("赵州桥")
    wait_until(lambda: tmp_path / "bridge.md" in heard)
    watcher.close()
