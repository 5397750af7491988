"""One reader per format. All of it is meant to run in a process of its own: see sandbox.py."""

from engine.documents.reading.kinds import kind_by_name
from engine.documents.reading.read import read_document

__all__ = ["kind_by_name", "read_document"]
