"""A picture of a page, with the places of some words on it."""

from dataclasses import dataclass

MAX_PIXELS = 12_000_000
"""A page of any paper size, sharp on any screen."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the picture, in pixels from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PagePicture:
    """Pixels of four bytes (blue, green, red, unused), row by row from the top."""

    width: int
    height: int
    pixels: bytes
    boxes: tuple[Box, ...] = ()
    """Where the words stand; none if they were not found on the page."""


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """Which page of a PDF to draw, `width` pixels wide, and what to look for on it."""

    page_index: int
    width: int
    words: str = ""
    near: int = 0
    """Of several places with the same words, the one nearest to this character of the page."""
