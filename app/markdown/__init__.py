"""Markdown of an answer, shown while it is being written.

syntax → leaves → stream turn text into leaves; view shows them with prose, code, table, formula.
"""
