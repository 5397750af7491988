"""Who or what a Chinese clause speaks of, and what it says: subject, time and predicate."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.making.chinese.tokens import Token, tokenize
from training.making.chinese.words import NAMES
from training.making.topics import Topic
from training.making.vocabulary import vocabulary

_VOCABULARY = vocabulary("zh")
_BREAKS = "，；：,;:。！？!?"
_LEADS = frozenset(_VOCABULARY.words("leads"))
_LINKS = frozenset(_VOCABULARY.words("links"))
_TIME_TAILS = frozenset(_VOCABULARY.words("time_tails"))
_ADVERBS = frozenset(_VOCABULARY.words("adverbs"))
_ABOUT = frozenset(_VOCABULARY.words("about"))
_HE = frozenset(["他", "她", "它"])
_SELF = re.compile(r"^(?:该|此|本|这(?:个|部|座|条|种|家|支|位|首|张|款)?)(.{1,4})$")
NOUNS = NAMES | {"noun", "measure", "direction", "when", "adjective"}
"""Kinds of tokens that a noun phrase may hold."""
_STOPS = frozenset(["verb", "prep", "adverb"])
_LONGEST_SUBJECT = 18
# Where the dictionary does not know a name, it may take the next word's first character with it.
_MISCUT = re.compile(
    r"[是于在为获曾与和由被将从对以有任即又也则所之出并会能可]$|^[于在为与和由被将从对以经自当据因]"
)
_RELATIVES = re.compile(f"^{_VOCABULARY.pattern('relatives')}$")


@dataclass(frozen=True)
class Clause:
    """One clause of a sentence.

    `subject` is written so that it can be understood alone; `own` are the subject's tokens where
    the clause names it itself. `setting` is a time or place that the sentence began with.
    """

    subject: str
    own: tuple[Token, ...]
    setting: tuple[Token, ...]
    predicate: tuple[Token, ...]
    topic: Topic | None = None


def clauses(sentence: str, topic: Topic | None) -> Iterator[Clause]:
    """Yield the clauses of `sentence` whose subject is known."""
    setting: tuple[Token, ...] = ()
    carried: str | None = topic.name if topic else None
    from_topic = topic is not None and not topic.is_person and sentence != topic.opening
    for piece in _pieces(tokenize(sentence, topic.aliases if topic else ())):
        tokens = tuple(token for token in piece if token.kind != "paren")
        tokens = _without_leads(tokens)
        time, rest = _leading_time(tokens)
        rest = _without_leads(rest)
        if not rest:
            setting = time or setting
            continue
        own, predicate = _split_subject(rest)
        if not any(token.kind == "verb" for token in predicate):
            setting, carried = (), None
            continue
        # A sentence about a thing that names no subject may be about anything that went before.
        unsure = from_topic and not own and without_links(predicate)[0].text not in _ABOUT
        subject = None if unsure else _resolve(own, carried, topic)
        if subject is not None:
            yield Clause(subject, own, time or setting, predicate, topic)
        carried = _carry(own, subject, carried)
        from_topic = from_topic and not own
        setting = ()


def text_of(tokens: Sequence[Token], sentence: str) -> str:
    """Return what `tokens` stand for, blanks between them as in `sentence`."""
    parts = []
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before is not None and sentence[before.end : token.start].isspace():
            parts.append(" ")
        parts.append(token.text)
    return "".join(parts)


def without_links(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return a predicate without the words that only tie it to what went before ("也", "则")."""
    first = 0
    while first < len(tokens) - 1 and tokens[first].text in _LINKS:
        first += 1
    return tokens[first:]


def _pieces(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    piece: list[Token] = []
    for token in tokens:
        if token.kind == "mark" and token.text[0] in _BREAKS:
            if piece:
                yield piece
            piece = []
        else:
            piece.append(token)
    if piece:
        yield piece


def _without_leads(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    first = 0
    while first < len(tokens) and tokens[first].text in _LEADS:
        first += 1
    return tokens[first:]


def _leading_time(tokens: tuple[Token, ...]) -> tuple[tuple[Token, ...], tuple[Token, ...]]:
    """Split off "1994年" or "于1994年起" with which a clause begins."""
    first = 1 if tokens and tokens[0].text in ("于", "在", "自", "从", "至", "到") else 0
    if first >= len(tokens) or tokens[first].kind != "time":
        return (), tokens
    last = first + 1
    while last < len(tokens) and tokens[last].text in _TIME_TAILS:
        last += 1
    if last < len(tokens) and tokens[last].text in ("的", "之", "至", "到", "、", "和", "及", "与"):
        return (), tokens
    return tokens[:last], tokens[last:]


def _split_subject(tokens: tuple[Token, ...]) -> tuple[tuple[Token, ...], tuple[Token, ...]]:
    for index, token in enumerate(tokens):
        if token.kind in _STOPS:
            # "托德·罗|素": letters of a foreign name that the pattern does not know.
            cut = index and tokens[index - 1].kind == "name" and token.kind == "adverb"
            if cut and token.text not in _ADVERBS:
                return (), ()
            return tokens[:index], tokens[index:]
    return tokens, ()


def _resolve(own: tuple[Token, ...], carried: str | None, topic: Topic | None) -> str | None:
    """Return the subject as it can stand alone, or None if it cannot be told."""
    if not own:
        return carried
    text = "".join(token.text for token in own)
    name = topic.name if topic else None
    if text in _HE:
        return name
    if own[0].text == "其" and len(own) > 1:
        sure = topic is not None and (topic.is_person or _RELATIVES.match(text[1:]))
        return f"{name}的{text[1:]}" if sure and _plain(own[1:]) else None
    if match := _SELF.match(text):
        known = topic is not None and match[1][-1] in topic.name[-2:] + topic.kind[-4:]
        return name if known else None
    if not _plain(own) or len(text) > _LONGEST_SUBJECT or len(text) < 2:
        return None
    if topic and text in topic.aliases:
        return name
    if _MISCUT.search(text):
        return None
    if (
        own[0].kind == "own"
        and len(own) > 1
        and own[1].text != "的"
        and len(text) > len(own[0].text) + 2
    ):
        return None
    if any(token.kind in NAMES for token in own):
        return text
    if name and _RELATIVES.match(text):
        return f"{name}的{text}"
    return None


def _plain(tokens: Sequence[Token]) -> bool:
    return (
        all(token.kind in NOUNS or token.text == "的" for token in tokens)
        and tokens[0].kind not in ("direction", "measure", "when", "de")
        and tokens[-1].kind not in ("direction", "de", "when")
    )


def _carry(own: tuple[Token, ...], subject: str | None, carried: str | None) -> str | None:
    """Return the subject of a following clause that names none."""
    if not own:
        return carried
    if subject is None or "的" in subject:
        return None
    return subject
