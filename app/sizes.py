"""Lengths that many widgets share, in pixels at text of 100 %."""

from typing import Final

SPACE: Final = 8
"""The unit of all margins and gaps."""
COLUMN_WIDTH: Final = 760
"""The widest line of text that is still comfortable to read."""
SIDEBAR_WIDTH: Final = 248
BUTTON_SIZE: Final = 32
ICON_SIZE: Final = 18
