"""How packages for Linux, Windows and macOS are built; the application imports nothing of it."""
