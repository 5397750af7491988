"""One SQLite file for a person's documents: what they are, what they say and where it stands."""
