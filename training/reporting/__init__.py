"""The page that shows a run at a glance; `python -m training.report` is the command."""
