"""What the tests of the conversation store share."""

import subprocess
import sys
from pathlib import Path

from engine.store import Store

Process = subprocess.CompletedProcess[str]


def contents(path: Path) -> list[str]:
    """The messages of all conversations, in the order of the list."""
    with Store(path) as store:
        return [
            message.content
            for conversation in store.list_conversations()
            for message in store.thread(conversation.id)
        ]


def run_python(script: str, *arguments: object) -> Process:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
