"""HTML and SVG as trees of elements: what logs contain is escaped, and every tag is closed."""

import re
from xml.etree import ElementTree

Element = ElementTree.Element
Child = Element | str | int | None

# What neither XML nor UTF-8 can carry: control characters, halves of surrogate pairs.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(tag: str, *children: Child, **attributes: object) -> Element:
    """Return <tag>. Children that are None are left out, and so are attributes.

    `class_` names the attribute class; other underscores stand for hyphens.
    """
    made = Element(
        tag,
        {
            name.rstrip("_").replace("_", "-"): _printable(str(value))
            for name, value in attributes.items()
            if value is not None
        },
    )
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif child is not None:
            _append_text(made, _printable(str(child)))
    return made


def document(root: Element) -> str:
    """Return the page whose <html> element is `root`."""
    return "<!doctype html>\n" + ElementTree.tostring(root, encoding="unicode", method="html")


def table(
    header: list[Child], rows: list[list[Child]], *, numeric_from: int = 1, class_: str = ""
) -> Element:
    """Return a table that scrolls on its own; columns from `numeric_from` on hold numbers.

    A row of one cell is a heading over those that follow.
    """

    def row(cells: list[Child], tag: str) -> Element:
        is_heading = len(cells) < len(header)
        made = element("tr", class_="heading" if is_heading else None)
        for column, cell in enumerate(cells):
            is_name = tag == "td" and column == 0
            made.append(
                element(
                    "th" if is_name else tag,
                    cell,
                    colspan=len(header) if is_heading else None,
                    scope="row" if is_name else "col" if tag == "th" else None,
                    class_="number" if column >= numeric_from else None,
                )
            )
        return made

    return element(
        "div",
        element(
            "table",
            element("thead", row(header, "th")),
            element("tbody", *(row(cells, "td") for cells in rows)),
            class_=class_ or None,
        ),
        class_="scroll",
        tabindex=0,
    )


def missing(sentence: str) -> Element:
    """Return the note that stands where something would, had it been found."""
    return element("p", sentence, class_="missing")


def _append_text(parent: Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)
