"""Changes that keep what a file is: a member of an archive, a value in JSON."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

Change = Callable[[bytes, int], bytes]
"""Changes bytes, of which there may be at most so many."""

_LARGEST_MEMBER = 1 << 20
_VALUES = (
    *(None, True, False, 0, 1, -1, 2, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, 1e-320),
    *("", "a", "\ud800", "\0", "x" * 5000, "<|user|>", "text", "user", "geb-chat", "../../etc"),
    *([], {}, [[]], [None], {"": None}, ["a"], [0, 0], {"id": "a"}, float("inf"), float("nan")),
)


def spoil_archive(change: Change, data: bytes, size: int, seed: int) -> bytes:
    """Change one member of an archive; what is no archive any more is changed as it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # noqa: BLE001 (it may be spoilt in any way)
        members = {}
    if not members or seed % 8 == 0:
        return change(data, size)
    name = list(members)[(seed // 8) % len(members)]
    members[name] = change(members[name], min(size, _LARGEST_MEMBER))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return out.getvalue()[:size]


def spoil_json(change: Change, data: bytes, size: int, seed: int, prefix: int = 0) -> bytes:
    """Put another value somewhere into JSON behind `prefix` bytes; change other text as it is."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    try:
        if chance.random() < 0.3:
            raise ValueError
        root = [json.loads(data[prefix:])]
        for _ in range(chance.choice((1, 1, 2, 4))):
            _replace(root, chance)
        text = json.dumps(root[0], ensure_ascii=chance.random() < 0.5)
    except (ValueError, RecursionError):
        return change(data, size)
    return (data[:prefix] + text.encode("utf-8", "surrogatepass"))[:size]


def _replace(root: list[Any], chance: random.Random) -> None:
    """Walk down to some place, and change what is there."""
    holder: Any = root
    key: Any = 0
    while isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.85:
        holder = holder[key]
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    act = chance.randrange(8)
    if act == 0 and holder is not root:
        del holder[key]
    elif act == 1 and isinstance(holder, list) and holder is not root:
        holder.insert(key, holder[chance.randrange(len(holder))])
    elif act == 2 and isinstance(holder, dict):
        holder[chance.choice((*map(str, holder), "new", ""))] = holder[key]
    elif act == 3 and isinstance(holder[key], str):
        holder[key] = holder[key] * chance.choice((2, 50)) + chance.choice(("", "\ud801", "\n"))
    elif act == 4 and isinstance(holder[key], int | float):
        holder[key] = chance.choice((-holder[key], holder[key] + 1, holder[key] * 1000, 0))
    else:
        holder[key] = chance.choice(_VALUES)
