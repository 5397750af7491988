"""From text that arrives in pieces to leaves: the same ones wherever it is cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.markdown import stream
from app.markdown.leaves import Leaf, flatten, split_units
from app.markdown.stream import StreamParser
from app.markdown.syntax import parse_blocks

PIECES = (
    "# ", "## h", "- ", "* ", "1. ", "2) ", "10. ", "> ", "```", "```py\n", "~~~", "    ", "  ",
    "\t", "\n", "\n", "\n\n", "a", "word ", "中文", "|", "a | b", "--|--", "\n|-|-|\n", "$$", "$x$",
    "\\[", "\\]", "\\(", "---", "***", "**b**", "`c`", "[l](http://x)", "<b>", "&amp;", "\r",
    "\r\n", "\0", "=", "[ ] ", "!", "- a\n", "1. a\n", "> a\n", "b | c\n--|--\n", "$$\n", "`",
)  # fmt: skip
documents = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def streamed(text: str, size: int) -> list[Leaf]:
    parser = StreamParser()
    leaves: list[Leaf] = []
    for start in range(0, len(text), size):
        change = parser.feed(text[start : start + size])
        leaves[change.index :] = change.leaves
    change = parser.finish()
    leaves[change.index :] = change.leaves
    return leaves


def kinds(text: str) -> list[str]:
    return [leaf.kind for leaf in streamed(text, 3)]


@settings(max_examples=400, deadline=None)
@given(documents, st.integers(1, 9))
def test_pieces_give_what_the_whole_gives(text: str, size: int) -> None:
    whole = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    if whole and not whole.endswith("\n"):
        whole += "\n"
    expected = [
        leaf for unit in split_units(parse_blocks(whole), None) for leaf in flatten(unit.tokens)
    ]
    assert streamed(text, size) == expected
    assert streamed(text, max(1, len(text))) == expected


@pytest.mark.parametrize(
    "repeated", ["word word\n\n", "- an item\n", "1. an item\n\n", "```\ncode\n```\n", "code\n"]
)
def test_work_for_a_piece_does_not_grow(repeated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def record(source: str, **options: bool) -> object:
        lengths.append(len(source))
        return parse_blocks(source, **options)

    monkeypatch.setattr(stream, "parse_blocks", record)
    parser = StreamParser()
    parser.feed("```\n" if repeated == "code\n" else "")
    for _ in range(300):
        for character in repeated:
            parser.feed(character)
    assert max(lengths) <= 2 * len(repeated) + 4


def test_lists_keep_their_numbers_and_depth() -> None:
    leaves = streamed("3. c\n\n3. d\n   - e\n     * f\n3. [x] g\n\n> - q\n", 2)
    assert [leaf.marker for leaf in leaves] == ["3.", "4.", "•", "◦", "☑", "•"]
    assert [leaf.containers for leaf in leaves][3:] == [("list",) * 3, ("list",), ("quote", "list")]


def test_code_in_a_list_is_code() -> None:
    leaves = streamed("1. run\n   ```sh\n   ls\n   ```\n2. done", 1)
    assert leaves[1] == Leaf("code", "ls", containers=("list",), language="sh")
    assert leaves[2].marker == "2."


def test_open_fence_grows_and_closes() -> None:
    parser = StreamParser()
    assert parser.feed("```py\nx = 1\n").leaves == [
        Leaf("code", "x = 1", language="py", growing=True)
    ]
    assert parser.feed("``").leaves[0].text == "x = 1"  # no flicker of half a fence
    assert parser.feed("`\nafter").leaves == [
        Leaf("code", "x = 1", language="py"),
        Leaf("paragraph", "after"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$$\nx\n$$", ["formula"]),
        ("text\n$$x$$\ntext", ["paragraph", "formula", "paragraph"]),
        ("\\[ x \\]\ny", ["formula", "paragraph"]),
        ("$$ not closed\n\ntext", ["paragraph", "paragraph"]),
        ("$$x$$ in a line", ["paragraph"]),
        ("$$", ["paragraph"]),
        ("a | b\n--|--\n1 | 2\n\nc", ["table", "paragraph"]),
        ("text\n---\ntext", ["paragraph", "rule", "paragraph"]),
        ("<div>\n*a*\n</div>", ["paragraph"]),
        ("[a]: http://example.com", ["paragraph"]),
    ],
)
def test_kinds_of_blocks(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


def test_deep_nesting_loses_no_text() -> None:
    assert streamed("> " * 60 + "deep", 50)[-1].text == "deep"
