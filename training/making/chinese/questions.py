"""Questions from Chinese clauses: a part of the clause gives way to a question word.

Chinese asks without changing the order of words ("他1990年毕业于什么大学？"), so what is left of
the clause stays as it is.
"""

import random
import re
from collections.abc import Iterator

from training.making.asked import Asked
from training.making.chinese.clauses import Clause, text_of, without_links
from training.making.chinese.gaps import gaps
from training.making.chinese.words import NAMES, time_word, who
from training.making.vocabulary import vocabulary

_UNCLEAR = re.compile(
    r"他|她|它|其(?!中|他|实)|该|此|这|那|本(?=[人文作书片剧校市县区站线集节段条所种属车片曲专])|自己|我|你|同年|翌|次年|上述|以下|下列|如下|另一|前者|后者|"
    r"者是|有关|上图|下图|左图|右图|对此|何|因而"
)
# A clause that begins or ends so is only half of what is said.
_HALF_FIRST = frozenset(vocabulary("zh").words("half_first"))
_HALF_LAST = frozenset(vocabulary("zh").words("half_last"))
_BAD_ANSWER = re.compile(
    r"^[者性们化式型级者等]|"
    r"[，。；]|他|她|它|其(?!中)|该|此|这|那|自己|等[剧人国地]?$|、、|^[为是在于的了]|所有$"
)
_LEADING_ON = frozenset("在以将把对从由被让")
_STAYING = re.compile(
    r"(?:住|生|落|葬|建|设|居|位|死|世|留|停|放|职|教|行|办|现|立|布|处|站|藏|存)$"
)
_ABOUT_SO = re.compile(r"(?:约|大约|近|共约)(?=多少|几)")
_SHORTEST, _LONGEST = 7, 50
_LONGEST_ANSWER = 40
_LONGEST_PREDICATE = 44


def in_place(clause: Clause, sentence: str, generator: random.Random) -> Iterator[Asked]:
    """Yield questions in which one part of `clause` gives way to a question word."""
    if not _whole(clause):
        return
    predicate = without_links(clause.predicate)
    for gap in gaps(predicate, generator):
        if gap.kind in ("result", "naming") and not clause.own:
            continue
        first, last = gap.answer or (gap.first, gap.last)
        answer = sentence[predicate[first].start : predicate[last - 1].end]
        before = text_of(predicate[: gap.first], sentence)
        after = text_of(predicate[gap.last :], sentence)
        question = _with_setting(clause, sentence, before + gap.word + after, generator)
        yield from _checked(question, answer, predicate[first].start, gap.kind, clause.subject)
    yield from _of_setting(clause, sentence, generator)
    yield from _of_subject(clause, sentence, generator)


def _whole(clause: Clause) -> bool:
    """Return whether the clause says something that can stand alone."""
    predicate = clause.predicate
    first, last = predicate[0], predicate[-1]
    if first.text in _HALF_FIRST or last.text in _HALF_LAST or last.kind in ("adverb", "prep"):
        return False
    if (first.text in ("为", "通过") and predicate[1].kind == "verb") or _lacks_verb(clause):
        return False
    if last.end - first.start > _LONGEST_PREDICATE:
        return False
    # "高殿民撰写的稿件" is no clause.
    verbs = [index for index, token in enumerate(predicate) if token.kind == "verb"]
    if verbs[-1] + 1 < len(predicate) and predicate[verbs[-1] + 1].text == "的" and len(verbs) < 3:
        return False
    return bool(clause.own) or not _hides_subject(clause)


def _lacks_verb(clause: Clause) -> bool:
    """Return whether the verb that a preposition leads to is in the next clause.

    "涉嫌在太子道西，以时速…": only verbs of being somewhere have a place behind them.
    """
    tokens = clause.predicate
    last = max((i for i, token in enumerate(tokens) if token.text in _LEADING_ON), default=-1)
    if last < 0 or any(token.kind == "verb" for token in tokens[last + 1 :]):
        return False
    before = tokens[last - 1].text if last else ""
    return tokens[last].text != "在" or not _STAYING.search(before)


def _hides_subject(clause: Clause) -> bool:
    """Return whether a clause without a subject begins with one after all.

    "选举事务处将…": taken for a verb; "来自星团的恒星是…": a verb that belongs to the subject.
    """
    tokens = clause.predicate
    if tokens[0].kind != "verb":
        return False
    for index, token in enumerate(tokens[1:], 1):
        if token.text == "的":
            return any(later.kind in ("verb", "adverb", "prep") for later in tokens[index:])
        if token.kind in ("adverb", "prep"):
            return index > 1
        if token.kind not in (*NAMES, "noun"):
            return False
    return False


def _with_setting(clause: Clause, sentence: str, rest: str, generator: random.Random) -> str:
    """Return the question: the setting before or behind the subject, then `rest`."""
    setting = text_of(clause.setting, sentence)
    if not setting:
        return f"{clause.subject}{rest}？"
    bare = setting.lstrip("于在自从")
    place = generator.randrange(3) if setting == bare and clause.setting[-1].kind == "time" else 0
    if place == 1:
        return f"{bare}{clause.subject}{rest}？"
    if place == 2 and not rest.startswith("在"):
        return f"{clause.subject}在{bare}{rest}？"
    return f"{setting}，{clause.subject}{rest}？"


def _checked(question: str, answer: str, start: int, kind: str, subject: str) -> Iterator[Asked]:
    question = _ABOUT_SO.sub("", question)
    core = answer.strip("《》「」“”")
    if (
        _SHORTEST <= len(question) <= _LONGEST
        and 1 <= len(answer) <= _LONGEST_ANSWER
        and not _UNCLEAR.search(question)
        and not (len(core) > 1 and core in question)
        and subject.strip("《》") not in answer
        and question.count("《") == question.count("》")
        and not _BAD_ANSWER.search(answer)
    ):
        yield Asked(question, answer, start, kind)


def _of_setting(clause: Clause, sentence: str, generator: random.Random) -> Iterator[Asked]:
    """Ask when, for the time that the clause began with."""
    setting = clause.setting
    if not setting or setting[-1].kind != "time" or sum(t.kind == "time" for t in setting) != 1:
        return
    if len(setting) > 1 and setting[0].text not in ("于", "在"):
        return
    word = time_word(setting[-1].text, generator)
    rest = text_of(without_links(clause.predicate), sentence)
    if generator.random() < 0.35:
        middle, ending = f"是{word}", "的"
    else:
        middle, ending = word if word in ("何时", "什么时候") else f"在{word}", ""
    question = f"{clause.subject}{middle}{rest}{ending}？"
    yield from _checked(question, setting[-1].text, setting[-1].start, "time", clause.subject)


def _of_subject(clause: Clause, sentence: str, generator: random.Random) -> Iterator[Asked]:
    """Ask who did it, where the clause names somebody and says something special."""
    own, predicate = clause.own, without_links(clause.predicate)
    if (
        not own
        or own[0].kind == "pronoun"
        or predicate[0].text in ("是", "为", "有", "等", "被", "所")
    ):
        return
    special = any(token.kind in (*NAMES, "time", "number") for token in predicate)
    rest = text_of(predicate, sentence)
    if clause.topic and clause.subject == clause.topic.name:
        word = "谁" if clause.topic.is_person else None
    else:
        word = who(own, generator)
    if not word or not special or len(rest) < 7:
        return
    setting = text_of(clause.setting, sentence)
    question = f"{setting}，{word}{rest}？" if setting else f"{word}{rest}？"
    answer = sentence[own[0].start : own[-1].end]
    yield from _checked(question, answer, own[0].start, "subject", "\n")
