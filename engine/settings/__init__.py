"""Settings: one table, kept in one file, and what they mean for the next answer."""
