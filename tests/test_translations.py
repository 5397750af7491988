"""Every sentence that a person can meet has its Chinese, with the same placeholders."""

import ast
import json
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "resources/translations/zh_CN.json"
PACKAGES = ("app", "engine", "training", "export")


@cache
def _nodes() -> list[tuple[Path, ast.ClassDef | ast.Call]]:
    """Return all classes and calls of the four packages, and the files that they are in."""
    return [
        (path, node)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef | ast.Call)
    ]


def _translated_calls() -> set[str]:
    """Names of `tr`, its twin for tables, and of every class that is an error with a sentence."""
    names = {"GebError"}
    classes = [node for _, node in _nodes() if isinstance(node, ast.ClassDef)]
    grown = True
    while grown:
        before = len(names)
        for node in classes:
            if any(isinstance(base, ast.Name) and base.id in names for base in node.bases):
                names.add(node.name)
        grown = len(names) > before
    return names | {"tr", "to_translate"}


MESSAGE_ARGUMENT = {"show_text": 1, "add_action": 2, "IconButton": 1, "show_as": 1}
"""Functions of the window that translate, and which of their arguments is the English text."""


def _messages() -> Iterator[tuple[str, str]]:
    """Yield (where, English sentence)."""
    names = _translated_calls()
    for path, node in _nodes():
        if not isinstance(node, ast.Call) or not node.args:
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else None
        name = function.id if isinstance(function, ast.Name) else name
        place = 0 if name in names else MESSAGE_ARGUMENT.get(name or "", len(node.args))
        for text in node.args[place : place + 1]:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", text.value


def _placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


def test_every_sentence_has_its_chinese() -> None:
    catalogue = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    missing = [f"{where}: {text}" for where, text in _messages() if not catalogue.get(text)]
    assert not missing, "\n".join(missing)


def test_translations_keep_the_placeholders() -> None:
    catalogue = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    wrong = [
        text for text, chinese in catalogue.items() if _placeholders(text) != _placeholders(chinese)
    ]
    assert not wrong


def test_people_are_addressed_alike() -> None:
    assert "您" not in CATALOGUE.read_text(encoding="utf-8")


def test_the_catalogue_holds_nothing_that_no_code_says() -> None:
    said = {text for _, text in _messages()}
    assert said
    catalogue = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    assert not sorted(set(catalogue) - said)
