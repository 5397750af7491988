"""Questions from Chinese sentences: tokens, clauses, what can be asked, and how."""
