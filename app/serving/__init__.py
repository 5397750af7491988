"""The model as a server for other programs on this computer, switched on and off in the window."""
