"""Adding and deleting model folders and checkpoints."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main
from engine.bundle import open_bundle
from engine.checksums import OWN_SUMS_NAME
from engine.errors import BundleError
from engine.models import checkpoint
from engine.models.checkpoint import import_checkpoint, is_checkpoint
from engine.models.describe import describe, list_models, models_dir
from engine.models.importing import ImportStoppedError, delete_model, import_folder


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LC_ALL", "C")


@pytest.fixture
def folder(tmp_path: Path, tiny_bundle: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "others" / "friendly"))


@pytest.fixture
def fake_export(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Return a function that lets a script take the place of `python -m export`."""

    def replace(script: str) -> None:
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\nout=$6\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(checkpoint.sys, "executable", str(program))

    return replace


def test_a_folder_is_copied_with_progress_and_for_its_user_alone(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("no part of it")
    heard: list[tuple[int, int]] = []
    path = import_folder(folder, lambda done, total: heard.append((done, total)))
    assert path == models_dir() / "friendly"
    assert (
        heard[-1][0]
        == heard[-1][1]
        == sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    )
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    for file in path.rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert not (path / ".git").exists()
    model = next(model for model in list_models() if model.name == "friendly")
    assert (model.own, model.signed, model.precision) == (True, True, "int8")
    assert (model.licence, model.context_length) == ("apache-2.0", 512)
    assert list_models()[0].own is False


def test_a_folder_without_sums_is_hashed_and_stays_unsigned(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    path = import_folder(folder)
    assert (path / OWN_SUMS_NAME).exists()
    bundle = open_bundle(path, verify=True)
    assert not bundle.signed
    assert not describe(path).signed
    weights = path / "model.onnx.data"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with pytest.raises(BundleError, match="checksum is wrong"):
        open_bundle(path)
    (path / "extra.txt").write_text("not listed, not used")


@pytest.mark.parametrize("how", ["damaged", "no model", "stopped", "full", "gone"])
def test_nothing_is_added_when_an_import_fails(
    folder: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "damaged":
        (folder / "README.md").write_text("changed")
    elif how == "no model":
        (folder / "config.json").unlink()
    elif how == "full":
        usage = shutil.disk_usage("/")._replace(free=1000)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    elif how == "gone":
        shutil.rmtree(folder)
    with pytest.raises(BundleError) as caught:
        import_folder(folder, is_cancelled=lambda: how == "stopped")
    assert isinstance(caught.value, ImportStoppedError) == (how == "stopped")
    assert list(models_dir().iterdir()) == []


def test_a_name_that_is_taken_is_refused(folder: Path, tmp_path: Path) -> None:
    path = import_folder(folder)
    with pytest.raises(BundleError, match="a model named friendly already"):
        import_folder(folder)
    with pytest.raises(BundleError, match="installed already"):
        import_folder(path)
    shipped = Path(shutil.copytree(folder, tmp_path / "geb-nano"))
    with pytest.raises(BundleError, match="already"):
        import_folder(shipped)


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    target = tmp_path / "elsewhere"
    shutil.move(folder / "model.onnx", target)
    (folder / "model.onnx").symlink_to(target)
    with pytest.raises(BundleError, match="a link out of the model folder"):
        import_folder(folder)


def test_only_own_models_are_deleted(folder: Path) -> None:
    path = import_folder(folder)
    shipped = list_models()[0]
    with pytest.raises(BundleError, match="cannot be deleted"):
        delete_model(shipped.path)
    assert shipped.path.exists()
    delete_model(path)
    assert list(models_dir().iterdir()) == []


def test_a_checkpoint_is_told_from_a_model(folder: Path, tmp_path: Path) -> None:
    assert not is_checkpoint(folder)
    assert not is_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert is_checkpoint(tmp_path)


def test_the_export_is_run_and_heard(
    tmp_path: Path, folder: Path, fake_export: Callable[[str], None]
) -> None:
    source = tmp_path / "trained"
    source.mkdir()
    fake_export(f"echo 'half done'; printf '50%%\\r60%%\\r'; cp -r {folder} $out; echo done")
    lines: list[str] = []
    path = import_checkpoint(source, lines.append)
    assert path == models_dir() / "trained"
    assert lines == ["half done", "50%", "60%", "done"]
    assert describe(path).error is None


def test_an_export_that_fails_says_why(tmp_path: Path, fake_export: Callable[[str], None]) -> None:
    fake_export("echo Reading; mkdir $(dirname $out)/.trained.tmp; echo 'It is damaged.'; exit 1")
    with pytest.raises(BundleError, match="cannot be imported: It is damaged"):
        import_checkpoint(tmp_path / "trained")
    assert list(models_dir().iterdir()) == []


def test_an_export_is_stopped(tmp_path: Path, fake_export: Callable[[str], None]) -> None:
    fake_export("mkdir $(dirname $out)/.trained.tmp; echo $$; exec sleep 60")
    lines: list[str] = []
    with pytest.raises(ImportStoppedError):
        import_checkpoint(tmp_path / "trained", lines.append, lambda: bool(lines))
    with pytest.raises(ProcessLookupError):
        os.kill(int(lines[0]), 0)
    assert list(models_dir().iterdir()) == []


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_NEEDED", ("no_such_package",))
    with pytest.raises(BundleError, match=r"pip install 'geb-chat\[export\]'"):
        import_checkpoint(tmp_path)


def test_the_command_imports(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "import", str(folder)]) == 0
    shown = capsys.readouterr()
    assert "friendly is added" in shown.out
    assert "100 %" in shown.err
    assert main(["models", "import", str(folder)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
