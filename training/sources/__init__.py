"""Public text: where it lies, how it is fetched, and readers for the formats it comes in."""
