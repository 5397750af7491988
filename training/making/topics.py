"""What a document is about: the name that questions use for it."""

import re
from dataclasses import dataclass

from training.evaluation.language import Language
from training.making.vocabulary import vocabulary

_BRACKETED = re.compile(r"\s*[（(][^（）()]*[）)]\s*$")
_NO_THING = re.compile(
    r"(?:Geography|History|Demographics|Economy|Politics|Culture|Transport|Foreign relations|List"
    r"|Outline|Index|Timeline|Music|Religion|Education|Telecommunications|Military) (?:of|in)\b"
    r"|.*(?:列表|年表|地理|历史|人口|经济)$"
)
"""Titles of articles about a side of something: what the text speaks of is another thing."""
_LONGEST_TITLE = {"zh": 24, "en": 60}
_CHINESE_KIND = re.compile(
    r"(?:，|）|\)|^[^，。]{1,24})(?:[^，。]{2,20}，)?是(?P<k>[^，。；]{2,40})[，。；]"
)
_CHINESE_PERSON = re.compile(
    r"(?:家|人物|诗人|员|手|者|师|将领|将军|皇帝|国王|王后|皇后|教授|导演|僧人|官员|商人|军人|武将|大臣|君主|主教|领袖|总统|主席|模特|主持人|"
    r"政治人物|名将|进士|公主|王子|贵族|女星|男星|艺人|律师|法官|医生|牧师|神父|企业家|科学家|学者|裁判|教练|骑师|棋手|飞行员|间谍)$"
)
_CHINESE_LIFE = re.compile(
    r"^[^，。（]{2,20}（[^（）]*\d{3,4}年[^（）]*(?:[-—–－~～]|生)|^[^。]{2,60}(?:出生于|生于)"
)
_ENGLISH_KIND = re.compile(
    r"\b(?:is|was|are|were) (?:an?|the|one of the) (?:[\w'\-]+ ){0,6}?(?P<k>[a-z]{3,})"
    r"(?= (?:in|of|that|which|who|for|by|from|on|at|located|based|used|and|with|to)\b|[,.;]|$)"
)
_ENGLISH_LIFE = re.compile(
    r"^[^()]{3,60}\((?:[^()]*\b(?:born|b\.)|[^()]*\d{3,4}[^()]*[–—-][^()]*\d{3,4}\))"
)
ENGLISH_PEOPLE = frozenset(vocabulary("en").words("people"))
"""Nouns for what people do or are."""
_HE = re.compile(r"\b(?:he|his|him)\b", re.IGNORECASE)
_SHE = re.compile(r"\b(?:she|hers?)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Topic:
    """What a document is about.

    `name` stands for it in questions; the text may use any of `aliases`. `kind` is what the
    `opening`, the document's first sentence, says that it is ("party").
    """

    name: str
    aliases: tuple[str, ...] = ()
    kind: str = ""
    is_person: bool = False
    opening: str = ""
    pronoun: str = "it"
    """"he", "she" or "it"; of no meaning in Chinese."""


def topic_of(title: str, opening: str, text: str, language: Language) -> Topic | None:
    """Return the topic of a document with this title, first sentence and text.

    None if the title cannot stand for it in a question.
    """
    name = _BRACKETED.sub("", title).strip().strip("《》")
    if _NO_THING.match(name):
        return None
    if not 1 < len(name) <= _LONGEST_TITLE[language] or re.search(
        r"[\n|#*_/:：；;，。？！]|^\d+$", name
    ):
        return None
    return _chinese(name, opening) if language == "zh" else _english(name, opening, text)


def _chinese(name: str, opening: str) -> Topic | None:
    plain = name.replace("·", "").replace("‧", "")
    if plain not in opening.replace("·", "").replace("‧", "") and not opening.startswith(
        ("是", "为", "位于", "由")
    ):
        return None
    found = _CHINESE_KIND.search(opening[:160])
    kind = found["k"] if found else ""
    is_work = opening.startswith("《") and name in opening[:40]
    is_person = not is_work and bool(
        _CHINESE_PERSON.search(kind) or (_CHINESE_LIFE.search(opening) and not kind)
    )
    parts = [part for part in re.split(r"[·‧・]", name) if len(part) > 1] if is_person else []
    aliases = (name, f"《{name}》", name.replace("·", "‧"), *parts)
    return Topic(
        f"《{name}》" if is_work else name, tuple(dict.fromkeys(aliases)), kind, is_person, opening
    )


def _english(name: str, opening: str, text: str) -> Topic | None:
    if name.split(",")[0].lower() not in opening.lower() and name.split()[-1] not in opening:
        return None
    found = _ENGLISH_KIND.search(opening[:300])
    he, she = (len(pattern.findall(text[:3000])) for pattern in (_HE, _SHE))
    person = bool(_ENGLISH_LIFE.search(opening)) or (
        found is not None and found["k"] in ENGLISH_PEOPLE
    )
    is_person = person and he + she > 0 and len(name.split()) <= 5 and name[0].isupper()
    pronoun = ("he" if he >= she else "she") if is_person else "it"
    aliases = [name]
    if is_person and len(name.split()) > 1:
        aliases.append(name.split()[-1])
    asked = f"the {name}" if opening.startswith(f"The {name} ") else name
    return Topic(asked, tuple(aliases), found["k"] if found else "", is_person, opening, pronoun)
