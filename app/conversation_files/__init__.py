"""Conversations out of the window into files, and back: by menu, key, palette and drag and drop."""
