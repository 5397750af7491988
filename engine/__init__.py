"""Everything a chat needs without Qt and without torch."""
