"""The pages for people name files, commands and targets that there are."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from engine import __version__

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "RELEASING.md", "training/README.md"]
_MADE = ("build/", "dist/")
_OURS = re.compile(r"`((?:app|engine|training|export|resources|tests)/[a-z0-9_./-]*)`")


@pytest.mark.parametrize("page", PAGES)
def test_files_modules_and_targets_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    base = (ROOT / page).parent
    for path in re.findall(_OURS, text):
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert link.startswith(_MADE) or (base / link).exists(), link
    for module in re.findall(r"python -m ([\w.]+)", text):
        assert find_spec(module), module
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"\bmake ([a-z][\w-]*)", _code(text))) <= targets


def test_the_version_is_in_the_list_of_changes() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", changes, re.M)[0] == __version__


def _code(text: str) -> str:
    """Return what stands in code, where "make" is the program and no verb."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.S))
