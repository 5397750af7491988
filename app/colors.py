"""The colours of every scheme."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Colors:
    """The colours of one scheme.

    Every text colour has a contrast of at least 4.5 to its ground, and of 7 in the two schemes
    of high contrast.
    """

    page: str
    sidebar: str
    hover: str
    selected: str
    bubble: str
    border: str
    outline: str
    """Of panels that their ground sets apart already, where contrast is to be high."""
    text: str
    muted: str
    accent: str
    on_accent: str
    selection: str
    notice: str
    on_notice: str
    code: str
    code_keyword: str
    code_string: str
    code_number: str
    code_comment: str
    code_name: str


LIGHT: Final = Colors(
    page="#ffffff",
    sidebar="#f5f6f5",
    hover="#ebeeec",
    selected="#dfe6e3",
    bubble="#eef3f1",
    border="#dcdfdd",
    outline="transparent",
    text="#1e2322",
    muted="#5f6865",
    accent="#0b6e69",
    on_accent="#ffffff",
    selection="#bfe0dc",
    notice="#fdf3dc",
    on_notice="#5e4304",
    code="#f3f5f4",
    code_keyword="#8a2f7d",
    code_string="#2c6a25",
    code_number="#9a4a08",
    code_comment="#65706c",
    code_name="#1f5aa0",
)
DARK: Final = Colors(
    page="#1b1e1e",
    sidebar="#151717",
    hover="#232727",
    selected="#2c3232",
    bubble="#2a3030",
    border="#363c3c",
    outline="transparent",
    text="#e5e8e6",
    muted="#9ba5a2",
    accent="#5cc0b8",
    on_accent="#0d1f1e",
    selection="#215a56",
    notice="#3a3119",
    on_notice="#f1dca6",
    code="#232828",
    code_keyword="#dd9fd3",
    code_string="#9fcb93",
    code_number="#e3b27c",
    code_comment="#929c99",
    code_name="#93bdf0",
)


LIGHT_CONTRAST: Final = Colors(
    page="#ffffff",
    sidebar="#ffffff",
    hover="#e4e4e4",
    selected="#cfe2ff",
    bubble="#ffffff",
    border="#000000",
    outline="#000000",
    text="#000000",
    muted="#2b2b2b",
    accent="#003a9b",
    on_accent="#ffffff",
    selection="#ffe45c",
    notice="#fff6c8",
    on_notice="#000000",
    code="#ffffff",
    code_keyword="#7a006b",
    code_string="#0a4d00",
    code_number="#6b2d00",
    code_comment="#3d3d3d",
    code_name="#003a9b",
)
DARK_CONTRAST: Final = Colors(
    page="#000000",
    sidebar="#000000",
    hover="#262626",
    selected="#10315c",
    bubble="#000000",
    border="#ffffff",
    outline="#ffffff",
    text="#ffffff",
    muted="#dedede",
    accent="#ffe14d",
    on_accent="#000000",
    selection="#0a4fb0",
    notice="#000000",
    on_notice="#ffe14d",
    code="#000000",
    code_keyword="#ffa6f2",
    code_string="#a5f29a",
    code_number="#ffc48a",
    code_comment="#cfcfcf",
    code_name="#9fd0ff",
)
SCHEMES: Final = {
    "light": LIGHT,
    "dark": DARK,
    "high-contrast-light": LIGHT_CONTRAST,
    "high-contrast-dark": DARK_CONTRAST,
}
