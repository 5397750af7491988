"""Chinese question words: which of them asks for what, and with which measure word."""

import random
import re
from collections.abc import Sequence

from training.making.chinese.tokens import Token
from training.making.vocabulary import vocabulary

NAMES = frozenset(
    [
        "own",
        "person",
        "place",
        "organisation",
        "proper",
        "name",
        "latin",
        "work",
        "quote",
        "unknown",
    ]
)
"""Kinds of tokens that name something."""
_VOCABULARY = vocabulary("zh")
_MEASURE_OF = tuple(
    (re.compile(rf"(?:{'|'.join(heads)})$"), measure)
    for measure, heads in _VOCABULARY.table("measures").items()
)
PLACES = _VOCABULARY.ending("places")
"""Endings of the names of places."""
_PERSON = re.compile(rf"^{_VOCABULARY.pattern('surnames')}[\u4e00-\u9fff]{{1,2}}$")
_NO_PERSONS = frozenset(_VOCABULARY.words("no_persons"))
WORK_WORDS: dict[str, str] = dict(_VOCABULARY.items("works"))
"""A noun beside a work's title, and the question word for both."""
TITLE_WORDS = re.compile(r"(?:条例|法案|公约|条约|协定|宪法|日报|晚报|时报|杂志|周刊|月刊)$")
"""Titles that say themselves what kind of work they name."""
OBJECT_WORDS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(f"(?:{'|'.join(entry['verbs'].split())})$"), tuple(entry["ask"].split()))
    for entry in _VOCABULARY.entries("objects")
)
"""Verbs, and how to ask for their object."""
_GROUPS = _VOCABULARY.ending("groups")
_FULL = {"部": "部门", "局": "部门", "署": "部门", "军": "军队", "党": "政党", "组织": "组织"}


def is_person(tokens: Sequence[Token]) -> bool:
    """Return whether `tokens` are a person's name."""
    if len(tokens) == 1 and tokens[0].kind == "name":
        return True
    text = "".join(token.text for token in tokens)
    named = any(token.kind in ("person", "unknown") for token in tokens)
    if tokens[-1].kind == "place" or text.endswith(("世", "市", "省", "国")):
        return False
    return named and text not in _NO_PERSONS and bool(_PERSON.match(text))


def who(tokens: Sequence[Token], generator: random.Random) -> str | None:
    """Return "谁" or "哪家公司" for somebody who can act, None for anything else."""
    if is_person(tokens):
        return "谁"
    text = "".join(token.text for token in tokens)
    head = _GROUPS.search(text)
    named = any(token.kind in NAMES for token in tokens) and len(tokens) <= 5
    if head and named and len(text) > len(head[0]) and "的" not in text and not _PERSON.match(text):
        return which(_FULL.get(head[0], head[0]), generator)
    return None


def which(head: str, generator: random.Random) -> str:
    """Return "哪所大学" for "大学": the question word with the noun's own measure word."""
    return f"哪{generator.choice(['一', ''])}{measure_of(head) or '个'}{head}"


def measure_of(head: str) -> str | None:
    """Return the measure word of a noun, None for nouns not known here."""
    return next((measure for pattern, measure in _MEASURE_OF if pattern.search(head)), None)


def time_word(time: str, generator: random.Random) -> str:
    """Return the question word for a date."""
    words: tuple[str, ...]
    if re.search(r"[日号]$", time):
        words = ("什么时候", "哪一天", "何时", "什么时候")
    elif re.fullmatch(r"(?:\d+|[〇零一二三四五六七八九]+)年", time):
        words = ("哪一年", "哪一年", "哪年", "什么时候", "何时")
    elif time.endswith("年代"):
        words = ("什么年代", "什么时候", "哪个年代")
    elif time.endswith("世纪"):
        words = ("什么时候", "哪个世纪")
    else:
        words = ("什么时候", "何时", "什么时候")
    return generator.choice(words)
