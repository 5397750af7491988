"""The left side of the window: conversations by day, search over all, what was deleted."""
