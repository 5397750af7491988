"""What the window's "Add model…" does with a checkpoint: the real export, in its own process."""

from pathlib import Path

import pytest

from engine.bundle import open_bundle
from engine.models.checkpoint import import_checkpoint, is_checkpoint
from engine.models.describe import list_models
from engine.models.importing import ImportStoppedError


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))


def test_a_checkpoint_becomes_an_installed_model(checkpoint: Path) -> None:
    assert is_checkpoint(checkpoint)
    lines: list[str] = []
    path = import_checkpoint(checkpoint, lines.append)
    assert lines  # progress was told
    assert open_bundle(path, verify=True).signed
    assert path in [model.path for model in list_models() if model.own and model.error is None]


def test_stopped_midway_it_leaves_nothing(checkpoint: Path) -> None:
    lines: list[str] = []
    with pytest.raises(ImportStoppedError):
        import_checkpoint(checkpoint, lines.append, lambda: bool(lines))
    assert not any(model.own for model in list_models())
