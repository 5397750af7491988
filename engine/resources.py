"""Where the files that ship with the application are."""

from pathlib import Path

RESOURCES = Path(__file__).resolve().parent.parent / "resources"
