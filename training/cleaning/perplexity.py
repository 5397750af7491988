"""Text that no language model expects: noise, word lists, machine-made salad."""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from training.cleaning.ngram_model import load_ngram_model
from training.cleaning.records import Filter
from training.cleaning.units import chinese_share, units


@dataclass(kw_only=True)
class Perplexity(Filter):
    """Refuses texts that surprise a language model too much: our bigrams, or a GEB checkpoint.

    The perplexity finds text of unknown words and characters. What knowing the unit before
    saves, compared to the same units in any order, finds text whose order means nothing, such
    as lists of keywords. Both are in bits per unit: words in English, single characters in
    Chinese (see units.py).
    """

    name: ClassVar[str] = "perplexity"
    maximum_zh: float = 13.0
    """log2 of the highest perplexity of Chinese; a mixed text's limit lies between the two."""
    maximum_en: float = 16.0
    """log2 of the highest perplexity of English."""
    minimum_gain: float = 0.1
    """Bits that order must save at least; not asked of a checkpoint."""
    minimum_units: int = 30
    """Shorter texts are not judged."""
    checkpoint: str = ""
    """Folder of a GEB checkpoint that judges in place of the bigrams, with limits of its own."""

    def keeps(self, text: str) -> bool:
        """See Filter."""
        hashes, _ = units(text)
        if len(hashes) < self.minimum_units:
            return True
        bits, gain = self._measure(text)
        chinese = chinese_share(hashes)
        if bits > chinese * self.maximum_zh + (1 - chinese) * self.maximum_en:
            self.counts["unexpected"] += 1
            return False
        if gain < self.minimum_gain:
            self.counts["without order"] += 1
            return False
        return True

    def _measure(self, text: str) -> tuple[float, float]:
        """Return the bits per unit, and how many fewer they are than without context."""
        if self.checkpoint:
            # Only here, because torch takes a second to import.
            from training.cleaning.checkpoint_model import load_checkpoint

            return load_checkpoint(self.checkpoint).bits_per_unit(text), inf
        surprise = load_ngram_model().surprise(text)
        return surprise.bits, surprise.bits_alone - surprise.bits
