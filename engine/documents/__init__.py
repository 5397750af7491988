"""Your own documents: read, split, indexed, searched, and answered from."""
