"""Documents for the tests of the window that shows them."""

from pathlib import Path

from engine.documents.passages import RetrievedPassage

LIGHT = "The lighthouse stands on a rock. It was built in 1882 by the city. It shines at night."
ZH = "灯塔建在礁石上。它由城市于一八八二年建成。夜里它发光。"


def write_papers(folder: Path) -> Path:
    """Write a text in each language and a file that cannot be read."""
    folder.mkdir()
    (folder / "light.txt").write_text(LIGHT, encoding="utf-8")
    (folder / "灯塔.md").write_text(ZH, encoding="utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 not really")
    return folder


def passage(
    file: Path, text: str, *, start: int, end: int, page: int | None = None
) -> RetrievedPassage:
    return RetrievedPassage(
        file=file,
        title=file.name,
        page_index=0,
        page=page,
        label="",
        sections=(),
        start=start,
        end=end,
        text=text[start:end],
        score=1.0,
    )
