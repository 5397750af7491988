"""Damage is found; a folder that has not changed is not hashed again."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from engine.checksums import verify_changes, verify_sums
from engine.errors import BundleError


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    return Path(shutil.copytree(tiny_bundle, tmp_path / "model"))


def _flip_unseen(path: Path) -> None:
    """Change a byte, but neither size nor time stamp."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_every_file_is_covered(folder: Path) -> None:
    verify_sums(folder)
    for path in sorted(folder.iterdir()):
        if path.name == "SHA256SUMS":
            continue
        content = path.read_bytes()
        _flip_unseen(path)
        with pytest.raises(BundleError, match=f"{path.name} is damaged"):
            verify_sums(folder)
        path.unlink()
        with pytest.raises(BundleError, match=f"{path.name} is missing"):
            verify_sums(folder)
        path.write_bytes(content)
    verify_sums(folder)


def test_an_unchanged_folder_is_trusted_and_a_changed_one_is_not(folder: Path) -> None:
    verify_changes(folder)
    _flip_unseen(folder / "model.onnx.data")
    verify_changes(folder)  # same size, same time: this is what being trusted means
    with pytest.raises(BundleError, match="damaged"):
        verify_changes(folder, full=True)
    os.utime(folder / "model.onnx.data")
    with pytest.raises(BundleError, match="damaged"):
        verify_changes(folder)


def test_a_folder_that_failed_is_not_trusted_later(folder: Path) -> None:
    _flip_unseen(folder / "config.json")
    for _ in range(2):
        with pytest.raises(BundleError, match="damaged"):
            verify_changes(folder)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}'])
def test_a_lost_memory_only_costs_time(folder: Path, tmp_path: Path, content: str) -> None:
    verify_changes(folder)
    (memory,) = (tmp_path / "home" / "cache").iterdir()
    memory.write_text(content)
    verify_changes(folder)
    assert str(folder) in memory.read_text()


def test_a_cache_folder_that_cannot_be_written_is_no_obstacle(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    verify_changes(folder)
    assert "cannot remember" in caplog.text


@pytest.mark.parametrize(
    "line",
    [
        "not a checksum",
        "abc  model.onnx",
        hashlib.sha256(b"").hexdigest() + "  ../outside",
        hashlib.sha256(b"").hexdigest() + "  /etc/hostname",
        hashlib.sha256(b"").hexdigest() + "  README\0.md",
        "\xff",
    ],
)
def test_a_damaged_list_is_one_sentence(folder: Path, line: str) -> None:
    with (folder / "SHA256SUMS").open("ab") as file:
        file.write(line.encode("latin-1") + b"\n")
    with pytest.raises(BundleError, match=r"list of checksums .* is damaged"):
        verify_sums(folder)


def test_a_missing_list_is_one_sentence(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(BundleError, match="SHA256SUMS cannot be read"):
        verify_sums(folder)
