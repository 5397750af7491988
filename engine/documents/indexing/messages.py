"""What the application and its indexing process say to each other (see indexing.process)."""

from typing import Final

PROCESS_ARGUMENT: Final = "--index-documents"
"""What a packaged application is started with, before the library's path, to be that process."""
CHANGED: Final = "changed"
FAILED: Final = "failed "
"""Followed by a failure as text."""
