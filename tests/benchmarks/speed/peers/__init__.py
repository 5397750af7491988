"""Ours and the engines that it is compared with, each a program with the same questions.

Only the standard library and a peer's own packages are imported here, but for `ours`.
"""
