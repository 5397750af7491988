"""The installed models: what they are, how others are added, and how they are removed."""
