"""From files to a library that can be searched, in the background."""
