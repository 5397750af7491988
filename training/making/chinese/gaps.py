"""Which parts of a Chinese predicate can be asked for, and with which question word."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.making.chinese.clauses import NOUNS
from training.making.chinese.tokens import Token
from training.making.chinese.words import (
    NAMES,
    OBJECT_WORDS,
    PLACES,
    TITLE_WORDS,
    WORK_WORDS,
    is_person,
    measure_of,
    time_word,
    which,
    who,
)
from training.making.vocabulary import vocabulary


@dataclass(frozen=True)
class Gap:
    """The tokens `first` to `last` give way to `word`; the answer may be fewer of them."""

    first: int
    last: int
    word: str
    kind: str
    answer: tuple[int, int] | None = None


_VOCABULARY = vocabulary("zh")
_Tokens = tuple[Token, ...]
_ENUMERATED = (
    "、",
    "和",
    "与",
    "及",
    "以及",
    "或",
    "至",
    "到",
    "－",
    "-",
    "–",
    "~",
    "～",
    "×",
    "/",
    "等",
    "等等",
)
_AFTERWARDS = frozenset(_VOCABULARY.words("afterwards"))
_MOVING = _VOCABULARY.ending("moving")
_MEETING = _VOCABULARY.ending("meeting")
_NAMING = _VOCABULARY.ending("naming")
_LISTING = _VOCABULARY.ending("listing")
_RESULT = re.compile(r"^(?:导致|造成|引发|引起|促使|迫使|促成)$")
_ISSUING = re.compile(r"(?:公布|颁布|签署|签订|通过|制定|印发|下发|发布)$")
_WEAK_VERBS = frozenset(_VOCABULARY.words("weak_verbs"))


def gaps(tokens: _Tokens, generator: random.Random) -> Iterator[Gap]:
    """Yield what can be asked about a predicate."""
    for rule in (_times, _amounts, _works, _agents, _objects, _lists, _results, _places):
        yield from rule(tokens, generator)
    yield from _names(tokens)


def _times(tokens: _Tokens, generator: random.Random) -> Iterator[Gap]:
    for index, token in enumerate(tokens):
        after = _text(tokens, index + 1)
        before = _text(tokens, index - 1)
        if token.kind != "time" or after in (
            *_ENUMERATED,
            "的",
            "之",
            "起",
            "开始",
            "间",
            "期间",
            "以来",
        ):
            continue
        if before in (
            "至",
            "到",
            "直至",
            "截至",
            "早在",
            "迟至",
            "及",
            "和",
            "与",
            "、",
            "-",
            "直到",
            "是",
            "自",
        ):
            continue
        if any(later.text in _AFTERWARDS for later in tokens[index + 1 : index + 5]):
            continue
        word = time_word(token.text, generator)
        attributive = index + 1 < len(tokens) and tokens[index + 1].kind in NOUNS
        if attributive:
            if _kind(tokens, index - 1) != "verb" or word in ("何时", "什么时候"):
                continue
            word += "的"
        elif not before.endswith(("于", "在", "自", "从")) and word not in ("何时", "什么时候"):
            word = f"在{word}"
        yield Gap(index, index + 1, word, "time")


def _amounts(tokens: _Tokens, generator: random.Random) -> Iterator[Gap]:
    for index, token in enumerate(tokens):
        after, before = _text(tokens, index + 1), _text(tokens, index - 1)
        if after in _ENUMERATED or before in _ENUMERATED or _kind(tokens, index - 1) == "mark":
            continue
        if _kind(tokens, index - 1) in NOUNS and not any(t.kind == "verb" for t in tokens[:index]):
            continue
        if re.match(r"0(?:\D|$)", token.text):
            continue
        if after == "的" or (re.match("人称|手", after) and token.kind == "ordinal"):
            continue
        if token.kind == "percent" and after not in ("决赛", "的"):
            yield Gap(
                index, index + 1, generator.choice(["多少", "百分之多少", "多大比例"]), "percent"
            )
        elif token.kind == "ordinal":
            unit = re.sub(r"^第[\d〇零一二三四五六七八九十百千]+", "", token.text)
            if unit and not (unit == "次" and after):
                yield Gap(index, index + 1, f"第几{unit}", "ordinal")
        elif (
            token.kind == "number"
            and not before.endswith(("时", "点", "唯", "同"))
            and (word := _how_many(tokens, index, generator))
        ):
            yield Gap(index, index + 1, word, "number")


def _how_many(tokens: _Tokens, index: int, generator: random.Random) -> str | None:
    text = tokens[index].text
    number = re.match(r"[\d,，.〇零一二三四五六七八九十百千两万亿]+(?:余|多)?", text)
    if number is None:
        return None
    unit = text[number.end() :]
    if (
        not unit
        or number[0] in ("一", "两", "1", "百", "千", "万", "亿")
        or unit in ("月", "日", "期", "号", "字", "位")
    ):
        return None
    if unit in ("年", "天", "个月", "小时", "分钟"):
        lasting = _kind(tokens, index - 1) in ("verb", "particle", "adverb")
        if not lasting or _text(tokens, index + 1):
            return None
        return generator.choice([f"多少{unit}", "多久", "多长时间"])
    small = not re.match(r"\d{2}|\d[,.]|\S*[百千万亿]", number[0])
    return generator.choice([f"多少{unit}", f"几{unit}"]) if small else f"多少{unit}"


def _works(tokens: _Tokens, generator: random.Random) -> Iterator[Gap]:
    for index, token in enumerate(tokens):
        after, before = _text(tokens, index + 1), _text(tokens, index - 1)
        if token.kind != "work" or after in _ENUMERATED or before in _ENUMERATED:
            continue
        if _kind(tokens, index + 1) in ("mark", "work", "ordinal") or tokens[0].text == "包括":
            continue
        if _kind(tokens, index - 1) in NOUNS and before not in WORK_WORDS:
            continue
        answer = (index, index + 1)
        if any(t.kind == "ordinal" or t.text == "个人" for t in tokens[max(0, index - 4) : index]):
            continue
        if before in WORK_WORDS:
            yield Gap(index - 1, index + 1, WORK_WORDS[before], "work", answer)
        elif after in WORK_WORDS:
            yield Gap(index, index + 2, WORK_WORDS[after], "work", answer)
        elif match := TITLE_WORDS.search(token.text[1:-1]):
            yield Gap(index, index + 1, which(match[0], generator), "work")
        elif generator.random() < 0.6:
            plain = not after and _kind(tokens, index - 1) in ("verb", "particle")
            issued = _ISSUING.search(tokens[index - 2].text if before in ("了", "过") else before)
            word = generator.choice(["什么", "哪部作品"]) if plain and not issued else "哪部作品"
            word = "什么" if issued else word
            yield Gap(index, index + 1, word, "work")


def _agents(tokens: _Tokens, generator: random.Random) -> Iterator[Gap]:
    """由 X 创建, 被 X 击败."""
    for index, token in enumerate(tokens[:-2]):
        if token.text not in ("由", "被"):
            continue
        last = _noun_run(tokens, index + 1)
        stop = tokens[last] if last < len(tokens) else None
        if stop is None or not (stop.kind == "verb" or stop.text == "所"):
            continue
        found = tokens[index + 1 : last]
        if found and (word := who(found, generator)):
            yield Gap(index + 1, last, word, "agent")


def _objects(tokens: _Tokens, generator: random.Random) -> Iterator[Gap]:
    """The noun phrase at the end of a clause, after its last verb."""
    first = len(tokens)
    while first and (tokens[first - 1].kind in NOUNS or tokens[first - 1].text == "的"):
        first -= 1
    found = tokens[first:]
    if not first or not found or found[0].kind in ("de", "direction", "measure", "when"):
        return
    if found[-1].text == "所有":
        return
    before = tokens[first - 1]
    if before.text in ("于", "在", "到", "至", "往"):
        if first > 1 and tokens[first - 2].kind == "verb" and is_place(found):
            yield Gap(first, len(tokens), generator.choice(["哪里", "什么地方"]), "place")
        return
    verb = before.text
    if before.kind == "particle" and verb in ("了", "过") and first > 1:
        verb = tokens[first - 2].text
    elif before.kind != "verb":
        return
    if word := _object_word(found, verb, generator):
        yield Gap(first, len(tokens), word, "object")


def _object_word(found: Sequence[Token], verb: str, generator: random.Random) -> str | None:
    text = "".join(token.text for token in found)
    if _MOVING.search(verb) and found[-1].kind not in ("quote", "work"):
        return generator.choice(["哪里", "什么地方"])
    if _MEETING.search(verb):
        return "谁" if is_person(found) else None
    for pattern, words in OBJECT_WORDS:
        if pattern.search(verb):
            return generator.choice(words)
    if verb in _WEAK_VERBS or len(text) < 3 or len(verb) < 2:
        return None
    head = found[-1]
    if len(found) > 1 and head.kind == "noun" and len(head.text) > 1 and found[-2].text != "的":
        asked = [f"什么{head.text}", "什么"]
        return generator.choice(
            [*asked, which(head.text, generator)] if measure_of(head.text) else asked
        )
    return "什么"


def _lists(tokens: _Tokens, generator: random.Random) -> Iterator[Gap]:
    """包括 A、B 和 C, at the end of a clause."""
    first = len(tokens)
    joined = False
    while first and (
        tokens[first - 1].kind in (*NOUNS, "work")
        or tokens[first - 1].text in ("的", "、", "和", "及", "以及", "与")
    ):
        joined = joined or tokens[first - 1].text == "、"
        first -= 1
    found = tokens[first:]
    if not joined or not first or found[0].kind in ("de", "mark", "direction", "prep", "conj"):
        return
    if _kind(tokens, first - 1) == "verb" == _kind(tokens, first - 2):
        return
    verb = (
        _text(tokens, first - 2)
        if _text(tokens, first - 1) in ("了", "过")
        else _text(tokens, first - 1)
    )
    if _MOVING.search(verb):
        yield Gap(first, len(tokens), "哪些地方", "list")
    elif _LISTING.search(verb):
        yield Gap(first, len(tokens), "哪些", "list")
    elif _kind(tokens, first - 1) == "verb" and len(verb) > 1:
        word = _object_word(found, verb, generator) if verb not in _WEAK_VERBS else None
        if word == "什么":
            yield Gap(first, len(tokens), word, "list")


def _results(tokens: _Tokens, generator: random.Random) -> Iterator[Gap]:
    for index, token in enumerate(tokens[:-2]):
        if token.kind == "verb" and _RESULT.match(token.text):
            first = index + 2 if tokens[index + 1].text == "了" else index + 1
            whole = all(t.text not in ("是", "为") for t in tokens[:index])
            if whole and len(tokens) - first >= 2 and tokens[first].text != "的":
                words = ["什么", "什么结果", "什么后果" if token.text == "造成" else "什么"]
                yield Gap(first, len(tokens), generator.choice(words), "result")
            return


def _places(tokens: _Tokens, generator: random.Random) -> Iterator[Gap]:
    """在 X 举行: a place between a preposition and a verb."""
    for index, token in enumerate(tokens[:-2]):
        if token.text not in ("在", "于", "从", "到", "自") or _text(tokens, index - 1) in (
            "是",
            "有",
            "又",
        ):
            continue
        last = _noun_run(tokens, index + 1)
        found = tokens[index + 1 : last]
        if last + 1 < len(tokens) and tokens[last + 1].text == "的":
            continue
        if last < len(tokens) and tokens[last].kind == "verb" and found and is_place(found):
            yield Gap(index + 1, last, generator.choice(["哪里", "什么地方"]), "place")


def _names(tokens: _Tokens) -> Iterator[Gap]:
    """称为 X, 又名 X."""
    last = len(tokens) - 1
    if last > 0 and tokens[last].kind in NAMES and _NAMING.search(tokens[last - 1].text):
        yield Gap(last, last + 1, "什么", "naming")


def is_place(tokens: Sequence[Token]) -> bool:
    """Return whether `tokens` name a place."""
    if tokens[-1].text in _AFTERWARDS or any(token.kind in ("quote", "work") for token in tokens):
        return False
    text = "".join(token.text for token in tokens)
    named = any(token.kind in NAMES for token in tokens)
    return named and (bool(PLACES.search(text)) or tokens[-1].kind == "place")


def _noun_run(tokens: _Tokens, first: int) -> int:
    last = first
    while last < len(tokens) and tokens[last].kind in NOUNS - {"when"}:
        last += 1
    return last


def _text(tokens: _Tokens, index: int) -> str:
    return tokens[index].text if 0 <= index < len(tokens) else ""


def _kind(tokens: _Tokens, index: int) -> str:
    return tokens[index].kind if 0 <= index < len(tokens) else ""
