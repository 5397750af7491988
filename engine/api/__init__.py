"""An OpenAI-compatible HTTP API over the engine's queue, for programs on this computer only.

A request goes server → app (host, key, route) → chat_request (what is asked) → answers (the
engine's one queue) → completion (what is replied). `ApiServer` in server.py is all that others
need. Nothing listens before its `start`.
"""

DEFAULT_PORT = 14320
"""Below the ports that systems hand out by themselves, and not in common use."""
