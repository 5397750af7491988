"""One reader per format. All of it is meant to run in a process of its own: see sandbox.py."""
