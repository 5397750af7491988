"""Measures a model, checkpoint or bundle alike; `python -m training.evaluate` is the command."""
