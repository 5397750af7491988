"""A person's documents in the window: what is in the library, what a question asks, sources."""
