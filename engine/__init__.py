"""Everything a chat needs without Qt and without torch."""

__version__ = "0.1.0"
