"""A gigabyte of conversations is imported, in bounded memory, and once."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

SIZE = 1 << 30
IMPORT = """
import sys
from pathlib import Path
from engine.conversation_files.importing import import_conversations
from engine.store import Store
with Store(Path(sys.argv[1])) as store:
    report = import_conversations(store, Path(sys.argv[2]))
    print(len(report.ids), report.repeated, len(store.list_conversations()))
status = Path("/proc/self/status").read_text().split()
print(int(status[status.index("VmHWM:") + 1]) // 1024)  # the most memory it ever held
"""


def write_export(path: Path) -> int:
    """Write an export of ChatGPT's, of conversations of 1 MB; return how many they are."""
    chance = random.Random(1)  # noqa: S311 (no secret)
    words = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(5000)]
    count = 0
    with path.open("w") as file:
        file.write("[")
        while file.tell() < SIZE:
            file.write("," if count else "")
            mapping: dict[str, object] = {"0": {"parent": None, "children": ["1"]}}
            for n in range(1, 21):
                text = " ".join(chance.choices(words, k=7500))
                mapping[str(n)] = {
                    "parent": str(n - 1),
                    "children": [str(n + 1)] if n < 20 else [],
                    "message": {
                        "author": {"role": "user" if n % 2 else "assistant"},
                        "content": {"content_type": "text", "parts": [text]},
                    },
                }
            values = {"title": f"{count}", "create_time": 1.0 + count, "current_node": "20"}
            file.write(json.dumps(values | {"mapping": mapping}))
            count += 1
        file.write("]")
    return count


@pytest.mark.slow
def test_a_gigabyte_is_imported_once_in_bounded_memory(tmp_path: Path) -> None:
    export, store = tmp_path / "conversations.json", tmp_path / "store.sqlite3"
    count = write_export(export)
    for new, old in ((count, 0), (0, count)):
        run = subprocess.run(
            [sys.executable, "-c", IMPORT, str(store), str(export)],
            capture_output=True,
            text=True,
            check=True,
        )
        said, megabytes = run.stdout.splitlines()
        assert said == f"{new} {old} {count}"
        assert int(megabytes) < 100
