"""Retrieval over real questions, beside what others do."""
