"""Near-duplicates over all sources: MinHash signatures, matched from disk (datatrove's blocks)."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from training.executors import Executor


def near_duplicates(files: Sequence[Path], out: Path, executor: Executor) -> None:
    """Find the records of `files` that nearly repeat an earlier one, in the order of `files`.

    Each file holds records as gzip JSON Lines. Writes `out`/{index:06d}.remove where files[index]
    has any: the numbers of these lines as little-endian uint32, ascending. Of a group of
    records that are alike, the first stays: the same ones whatever the executor and the number
    of its workers. Any size of input takes little memory: 36 bytes a record of the largest file
    while signatures are sorted, and in the end about 30 bytes a duplicate.

    The figures are datatrove's defaults: n-grams of 5 units (see units.py), 14 buckets of 8
    hashes. Two texts that share 72 % of their n-grams are found with probability 1/2, 80 % with
    0.92, 60 % with 0.2.
    """
    if not files:
        return
    # datatrove takes half a second to import, and only this step needs it.
    from training.cleaning import minhash_steps as steps

    signatures, pairs = out / "signatures", out / "pairs"
    executor.run([steps.ReadRecords(files), steps.Signatures(signatures)], len(files), "signatures")
    executor.run([steps.Pairs(signatures, pairs)], steps.CONFIG.num_buckets, "pairs")
    executor.run([steps.KeepFirst(pairs, out)], 1, "clusters")
    shutil.rmtree(signatures)
    shutil.rmtree(pairs)
