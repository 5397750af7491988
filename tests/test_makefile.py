"""What `make` says before anything is set up."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def make(folder: Path, python: str) -> tuple[int, str]:
    """Set up in `folder` with `python`; no system package is looked for."""
    ready = f"{folder}/venv/system-ready"
    command = ["make", "-C", str(ROOT), f"VENV={folder}/venv", f"PYTHON={python}", ready]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("version", [(3, 10, 12), (3, 14, 0)])
def test_another_python_is_refused_in_a_sentence(
    tmp_path: Path, version: tuple[int, int, int]
) -> None:
    """The stand-in runs what it is given as if it had that version."""
    python = tmp_path / "python"
    said = "Python " + ".".join(map(str, version))
    python.write_text(
        f"#!{sys.executable}\nimport sys\nif sys.argv[1] == '--version':\n    print('{said}')\n"
        f"else:\n    sys.version_info = {version}\n    exec(sys.argv[2])\n"
    )
    python.chmod(0o755)
    code, output = make(tmp_path, str(python))
    assert code != 0
    assert "needs Python 3.11 to 3.13" in output
    assert said in output
    assert "not there" in make(tmp_path, str(tmp_path / "missing"))[1]
    assert not (tmp_path / "venv").exists()


def test_the_pythons_named_are_those_that_the_project_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest, beyond = re.findall(r"3\.(\d+)", project["requires-python"])
    named = f"Python 3.{oldest} to 3.{int(beyond) - 1}"
    for file in ("Makefile", "README.md"):
        assert named in (ROOT / file).read_text(encoding="utf-8"), file
