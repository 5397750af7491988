"""Conversations as files: one module for each format, `importing` and `exporting` above them."""
