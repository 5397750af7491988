"""Which clean records stay, across all sources: each text once, and some for evaluation only."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.intake import Piece, Tally

HELDOUT_SHARE = 200
"""One document in so many is held out, chosen by its hash."""
_MOST_HELD_OUT = 5000
"""Documents of one source that are held out: of a large source a smaller share."""
_KEYS_AT_ONCE = 1 << 25
"""Keys compared at once: 1.5 GB."""


class Fate(IntEnum):
    """What becomes of a clean record."""

    KEPT = 0
    NEAR_DUPLICATE = 1
    DUPLICATE = 2
    HELD_OUT = 3


STEPS = {
    "near_duplicates": Fate.NEAR_DUPLICATE,
    "duplicates": Fate.DUPLICATE,
    "held_out": Fate.HELD_OUT,
}


@dataclass(frozen=True)
class Selected:
    """A piece and the file that says what becomes of each of its records."""

    piece: Piece
    path: Path

    def fates(self, mode: str = "r") -> NDArray[np.uint8]:
        """Return the Fate of each record, memory-mapped."""
        return np.lib.format.open_memmap(self.path, mode=mode)


def select(pieces: Sequence[Piece], near: Path, folder: Path) -> list[Selected]:
    """Decide on every record of `pieces`, which are in order of preference.

    `near` holds `{index:06d}.remove` where pretraining pieces have near-duplicates: their line
    numbers as little-endian uint32, `index` counting these pieces only. Any number of records
    takes at most 2 GB of memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = []
    documents = 0
    for number, piece in enumerate(pieces):
        fates = np.zeros(len(piece.rows()), dtype=np.uint8)
        if piece.source.stage == "pretrain":
            removed = near / f"{documents:06d}.remove"
            documents += 1
            if removed.exists():
                fates[np.fromfile(removed, dtype="<u4")] = Fate.NEAR_DUPLICATE
        chosen.append(Selected(piece, folder / f"{number:06d}.npy"))
        np.save(chosen[-1].path, fates)
    _mark_duplicates(chosen)
    _hold_out([one for one in chosen if one.piece.source.stage == "pretrain"])
    return chosen


def tallies(selected: Sequence[Selected]) -> dict[str, Tally]:
    """Return what the selection did to pieces of one source, step by step."""
    records = np.zeros(len(Fate), dtype=np.int64)
    sizes = np.zeros(len(Fate), dtype=np.int64)
    for one in selected:
        fates = one.fates()
        records += np.bincount(fates, minlength=len(Fate))
        sizes += np.bincount(fates, one.piece.rows()["bytes"], len(Fate)).astype(np.int64)
    steps = {}
    left, left_bytes = int(records.sum()), int(sizes.sum())
    for name, fate in STEPS.items():
        after, bytes_after = left - int(records[fate]), left_bytes - int(sizes[fate])
        steps[name] = Tally(left, after, left_bytes, bytes_after)
        left, left_bytes = after, bytes_after
    if selected[0].piece.source.stage != "pretrain":  # documents only
        del steps["near_duplicates"], steps["held_out"]
    return steps


def _mark_duplicates(selected: Sequence[Selected]) -> None:
    """Mark all but the first of the records with the same text, one range of keys at a time."""
    ranges = max(1, sum(len(one.piece.rows()) for one in selected) // _KEYS_AT_ONCE)
    for number in range(ranges):
        found = [(one, *_keys_in_range(one, number, ranges)) for one in selected]
        _, first = np.unique(np.concatenate([keys for _, keys, _ in found]), return_index=True)
        later = np.ones(sum(len(keys) for _, keys, _ in found), dtype=bool)
        later[first] = False
        start = 0
        for one, keys, places in found:
            fates = one.fates("r+")
            fates[places[later[start : start + len(keys)]]] = Fate.DUPLICATE
            start += len(keys)


def _keys_in_range(
    one: Selected, number: int, ranges: int
) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Return the keys of the records still kept that lie in a range of all keys, and where."""
    keys = one.piece.rows()["key"]
    high = keys >> np.uint64(32)
    mine = (high * np.uint64(ranges)) >> np.uint64(32) == number
    places = np.flatnonzero(mine & (one.fates() == Fate.KEPT))
    return keys[places], places


def _hold_out(selected: Sequence[Selected]) -> None:
    """Hold out every HELDOUT_SHARE-th document by its key.

    Where that gives a source's language no text, and no earlier source has any, the document
    of the source's lowest key is held out.
    """
    languages: set[str] = set()
    for source in dict.fromkeys(one.piece.source.name for one in selected):
        mine = [one for one in selected if one.piece.source.name == source]
        candidates = np.concatenate([_candidates(one) for one in mine])
        present = set().union(*(one.piece.facts()["languages"] for one in mine))
        if not len(candidates) and present - languages:
            candidates = _lowest(mine)
        limit = np.sort(candidates)[:_MOST_HELD_OUT].max(initial=0)
        for one in mine:
            rows, fates = one.piece.rows(), one.fates("r+")
            held = np.isin(rows["key"], candidates[candidates <= limit]) & (fates == Fate.KEPT)
            fates[held] = Fate.HELD_OUT
            names = one.piece.facts()["languages"]
            languages |= {names[index] for index in np.unique(rows["language"][held])}


def _candidates(one: Selected) -> NDArray[np.uint64]:
    keys = one.piece.rows()["key"][one.fates() == Fate.KEPT]
    return keys[(keys >> np.uint64(32)) % np.uint64(HELDOUT_SHARE) == 0]


def _lowest(selected: Sequence[Selected]) -> NDArray[np.uint64]:
    """Return the lowest key, if that leaves any other."""
    kept = [one.piece.rows()["key"][one.fates() == Fate.KEPT] for one in selected]
    keys = np.concatenate([np.sort(keys)[:2] for keys in kept])
    return np.sort(keys)[:1] if len(keys) > 1 else keys[:0]
