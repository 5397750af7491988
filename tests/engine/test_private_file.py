"""What a killed process left of a file does not stay for ever."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from engine.private_file import write_private


def test_what_dead_processes_left_is_removed_and_that_of_others_stays(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".settings.json.{dead.pid}.abc").write_text("half")
    kept = {f".settings.json.{os.getppid()}.abc", ".settings.json.backup", ".other.1.x"}
    for name in kept:
        (tmp_path / name).write_text("theirs")
    write_private(path, "whole")
    assert {file.name for file in tmp_path.iterdir()} == kept | {path.name}
    assert path.read_text() == "whole"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
