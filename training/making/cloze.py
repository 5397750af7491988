"""Sentences with a blank where a date, an amount, a title or a name stood."""

import random
import re
from collections.abc import Iterator

from training.evaluation.language import Language
from training.making.asked import Asked
from training.making.vocabulary import vocabulary

_LETTERS = "".join(vocabulary("zh").words("letters"))
SPANS = {
    "zh": re.compile(
        r"(?:公元前|前)?\d{1,4}年(?!代)(?:\d{1,2}月(?:\d{1,2}日)?)?|《[^《》]{2,20}》|"
        r"「[^「」]{2,12}」|“[^“”]{2,12}”|\d[\d,.]*(?:[万亿千百]+)?(?:多|余)?"
        r"(?:平方公里|公里|千米|米|人|元|美元|岁|个|名|座|次|部|种|场|%)|"
        rf"[{_LETTERS}]{{1,6}}(?:·[{_LETTERS}]{{1,6}}){{1,2}}(?=[，。、（])"
    ),
    "en": re.compile(
        r"\b(?:1\d{3}|20[0-2]\d)\b|\b\d{1,3}(?:,\d{3})+\b|"
        r"\b\d+(?:\.\d+)?(?= (?:percent|km|miles|metres|meters|people|years|members|million))|"
        r"(?<=[a-z] )[A-Z][a-z]+(?: [A-Z][a-z]+){1,3}"
        r"(?=[,.;]| (?:in|and|was|is|to|for|of|by|on|at)\b)"
    ),
}
_FORMS = {
    "zh": (
        "请根据文章把句子补充完整：{s}",
        "填空：{s}",
        "横线处应该填什么？{s}",
        "根据文章填空：{s}",
        "下面的句子缺了什么？{s}",
    ),
    "en": (
        "Fill in the blank: {s}",
        "Complete the sentence from the passage: {s}",
        "What belongs in the gap? {s}",
        "Which words are missing? {s}",
        "Fill the gap: {s}",
    ),
}
_LENGTHS = {"zh": (14, 70), "en": (50, 200)}
_BLANK = "____"


def blanks(sentence: str, language: Language, generator: random.Random) -> Iterator[Asked]:
    """Yield at most one such sentence; none for sentences too short or long."""
    shortest, longest = _LENGTHS[language]
    if not shortest <= len(sentence) <= longest or re.search(r"[\"\[\]{}|_=]|formula", sentence):
        return
    spans = [
        match
        for match in SPANS[language].finditer(sentence)
        if sentence.count(match[0]) == 1 and _is_whole(match, sentence)
    ]
    if not spans:
        return
    span = generator.choice(spans)
    gapped = f"{sentence[: span.start()]}{_BLANK}{sentence[span.end() :]}"
    question = generator.choice(_FORMS[language]).format(s=gapped)
    yield Asked(question, span[0], span.start(), "cloze")


def _is_whole(span: re.Match[str], sentence: str) -> bool:
    """Return whether neither an amount nor a name goes on before or behind `span`."""
    before = sentence[: span.start()].split(" ")[-2:]
    name_goes_on = span[0][0].isalpha() and len(before) > 1 and before[0][:1].isupper()
    return not (
        (name_goes_on and before[1] == "")
        or sentence[: span.start()].endswith(("$", "£", "€"))
        or re.match(r" (?:and|of) [A-Z]|[\d,.]*\d", sentence[span.end() :])
    )
