"""Keyword stuffing: pages that say the same few words again and again."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from training.cleaning.records import Filter
from training.cleaning.units import Hashes, units, windows


@dataclass(kw_only=True)
class Keywords(Filter):
    """Refuses texts of which one repeated phrase of two to four units covers too much.

    The thresholds follow Gopher's for repeated n-grams (arXiv 2112.11446); units are words in
    English and single characters in Chinese (see units.py).
    """

    name: ClassVar[str] = "keywords"
    density: float = 0.2
    """Largest share of the units that one phrase may cover."""
    occurrences: int = 10
    """A phrase that occurs less often is not a keyword, however short the text."""

    def keeps(self, text: str) -> bool:
        """See Filter."""
        hashes, _ = units(text)
        for length in (2, 3, 4):
            allowed = max(self.density * len(hashes) / length, self.occurrences - 1)
            if _most_frequent(windows(hashes, length), allowed) > allowed:
                return False
        return True


def _most_frequent(hashes: Hashes, enough: float) -> int:
    """Return how often the most frequent hash occurs, or a bound below or at `enough`."""
    if not len(hashes):
        return 0
    # Counting in few places is fast and never counts too little.
    places = np.uint64((1 << (4 * len(hashes)).bit_length()) - 1)
    bound = int(np.bincount((hashes >> np.uint64(8) & places).astype(np.int64)).max())
    return bound if bound <= enough else int(np.unique(hashes, return_counts=True)[1].max())
