"""What a document may cost. Beyond it, reading ends with the failure "too_large"."""

MAX_CHARACTERS = 20_000_000
"""Code points of a document's text; a thick novel has one million."""
MAX_TEXT_BYTES = 80_000_000
"""Of a file that is text itself; four bytes are the most that a code point takes."""
MAX_FILE_BYTES = 2 << 30
MAX_UNPACKED_BYTES = 600_000_000
"""Of everything that is read out of one archive."""
MAX_MEMBERS = 50_000
"""Files in an archive."""
MAX_PAGES = 50_000
MAX_DEPTH = 1_000
"""Elements within elements."""
