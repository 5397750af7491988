"""Questions from English sentences: words, clauses, what can be asked, and how."""
