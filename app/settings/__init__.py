"""The pages of settings, and what changes at once when one is changed."""
