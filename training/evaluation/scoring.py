"""Document answers against references: exact match, F1, and the admission that there is none.

English by the rules of SQuAD (Rajpurkar et al. 2016): lower case, no punctuation or
articles, overlap of words. Chinese by those of CMRC 2018 (Cui et al. 2019): lower case, no
punctuation, longest common run of units, where a unit is a Chinese character or another
script's word. Before either, `strip_wrappers` removes what our training data put around an
answer.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from engine.document_refusal import is_refusal as is_refusal
from training.evaluation.language import Language

# A source that was cited ("[1]", "【2】"), before or after the full stop.
_CITATIONS = re.compile(r"(?:\s*(?:\[\d+\]|【\d+】))+(?=[.。]?\s*$)")
_LEAD_IN = re.compile(r"^(?:the answer is|答案是|答案为)\s*[:：]?\s*", re.IGNORECASE)

# CMRC 2018 leaves out these marks; ASCII full stops and commas belong to numbers there. (Its
# script names "……", too, but compares single characters: an ellipsis stays.)
_CHINESE_MARKS = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_WORD = r"(?:(?![\u4e00-\u9fa5])\w)+"
_CHINESE_UNIT = re.compile(rf"[\u4e00-\u9fa5]|{_WORD}(?:[.,](?=\d){_WORD})*|…+|[^\w\s]")
_ENGLISH_MARKS = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def strip_wrappers(answer: str) -> str:
    """Return `answer` without what is trained around it.

    That is: blanks, citation marks at the end ("[1]"), one full stop at the end, and the
    lead-in "The answer is" or "答案是".
    """
    answer = _CITATIONS.sub("", answer.strip()).strip()
    return _LEAD_IN.sub("", answer).removesuffix("。").removesuffix(".").strip()


def exact_match(answer: str, references: Sequence[str], language: Language) -> float:
    """Return 100 if `answer` equals one of `references` after normalisation, else 0."""
    normalise = _normalise_english if language == "en" else _normalise_chinese
    found = normalise(strip_wrappers(answer))
    return 100.0 * any(found == normalise(strip_wrappers(one)) for one in references)


def f1(answer: str, references: Sequence[str], language: Language) -> float:
    """Return the best F1 of `answer` against one of `references`, 0 to 100."""
    units, overlap = _MEASURES[language]
    found = units(strip_wrappers(answer))
    return max(_f1(found, units(strip_wrappers(one)), overlap) for one in references)


def _f1(
    found: list[str], wanted: list[str], overlap: Callable[[list[str], list[str]], int]
) -> float:
    if not found or not wanted:
        return 100.0 * (found == wanted)
    return 200.0 * overlap(found, wanted) / (len(found) + len(wanted))


def _normalise_english(text: str) -> str:
    return " ".join(_english_units(text))


def _english_units(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_ENGLISH_MARKS)).split()


def _shared_words(found: list[str], wanted: list[str]) -> int:
    return sum((Counter(found) & Counter(wanted)).values())


def _normalise_chinese(text: str) -> str:
    return "".join(mark for mark in text.lower().strip() if mark not in _CHINESE_MARKS)


def _chinese_units(text: str) -> list[str]:
    return _CHINESE_UNIT.findall(_normalise_chinese(text))


def _longest_common_run(found: list[str], wanted: list[str]) -> int:
    longest = 0
    lengths = [0] * (len(wanted) + 1)
    for unit in found:
        # lengths[i]: the common run that ends here and at wanted[i - 1].
        runs = zip(wanted, lengths, strict=False)
        lengths = [0, *(length + 1 if unit == other else 0 for other, length in runs)]
        longest = max(longest, *lengths)
    return longest


_MEASURES: dict[
    Language, tuple[Callable[[str], list[str]], Callable[[list[str], list[str]], int]]
] = {
    "en": (_english_units, _shared_words),
    "zh": (_chinese_units, _longest_common_run),
}
