"""Choosing, adding, checking and deleting models."""
