"""Questions from turns of phrase that Chinese texts use for facts: reasons, lists, names, sizes.

Their wording shares little with the sentence, unlike that of chinese_questions.
"""

import random
import re
from collections.abc import Iterator, Sequence

from training.making.asked import Asked
from training.making.chinese.clauses import NOUNS, Clause, clauses, text_of, without_links
from training.making.chinese.tokens import tokenize
from training.making.topics import Topic
from training.making.vocabulary import vocabulary

_VOCABULARY = vocabulary("zh")
_NUMBER = r"\d[\d,，]*(?:\.\d+)?(?:[万亿千百]+)?(?:余|多)?"
_DATE = r"(?:公元前|前|公元)?\d{1,4}年(?:\d{1,2}月(?:\d{1,2}日)?)?"
_NAME = (
    r"[：: ]?(?P<a>[「“《][^」”》]{1,20}[」”》]|[\u4e00-\u9fff·]{2,12}|"
    r"[A-Za-z][A-Za-z .\-]{1,30}[A-Za-z])(?=[，。、；）)]|$)"
)
_QUALITY = re.compile(
    rf"(?:^|[，；])(?P<s>[^，。；（）]{{0,16}}?)(?:的|之)?(?P<q>{_VOCABULARY.pattern('qualities')})"
    r"(?:主要)?(?:是|为|有|就是|则是|在于|包括)(?P<a>[^，。；]{2,40})(?=[，。；])"
)
_PEOPLE = frozenset(_VOCABULARY.words("people"))
_SIZES = tuple(
    (
        re.compile(
            rf"(?:^|[，；（])(?P<s>[^，。；（]{{0,14}}?)的?{size['of']}"
            r"(?:约|大约|约为|约有|为|达|达到|有|是|共|超过|共有|只有|仅|则)*"
            rf"(?P<a>{_NUMBER}(?:{size['units'].replace(' ', '|')})(?:人民币)?)"
        ),
        tuple(size["ask"]),
    )
    for size in _VOCABULARY.entries("sizes")
)
_OTHER_NAMES = tuple(
    (re.compile(rf"(?:^|[，（(、；])(?:现|曾|或|后)?(?:{name['said']}){_NAME}"), tuple(name["ask"]))
    for name in _VOCABULARY.entries("names")
)
_DEFINITION = re.compile(
    r"(?<=.)》?(?:（[^（）]*）|\([^()]*\))?(?:，[^，。]{2,20}，|，)?是(?P<a>[^，。；]{4,50})(?=[，。；])"
)
_CUT_SHORT = re.compile(r"为了|创立的|^[由在因以指否不]|[的后时]$|位于|属于|隶属|成立后|于[^的]*$")
_WHO_IS = ("{t}是谁？", "{t}是什么人？", "{t}是做什么的？", "{t}的身份是什么？")
_WHAT_IS = ("{t}是什么？", "什么是{t}？", "{t}指的是什么？")
_AIMS = _VOCABULARY.pattern("aims")
_UNCLEAR = re.compile(
    r"他|她|它|其(?!中|实|他)|该|此|这|那|本(?=[人文作书片剧校市县区站])|自己|我|你|同年|以下|如下"
)
_FOOD = re.compile(r"以(?P<a>[\u4e00-\u9fff、]{2,16})为(?P<v>食|生|主食|主要食物)(?=[，。；])")
_EATS = ("{t}吃什么？", "{t}以什么为食？", "{t}的食物是什么？")
_LIVES_ON = ("{t}以什么为生？", "{t}靠什么生活？")
_MANNER = re.compile(
    r"(?:通过|透过|借由|藉由|利用|采用|借助)(?P<a>[^，。的]{2,14}?)"
    r"(?:的方式|的方法|的形式|的手段|来)(?P<b>[^，。的到自]{2}[^，。]{0,22})$"
)
_SHORTEST, _LONGEST = 5, 50
_LONGEST_ANSWER = 60
_BRACKETS = re.compile(r"[（）()\[\]\"]")


def by_pattern(
    sentence: str, parts: Sequence[Clause], topic: Topic | None, generator: random.Random
) -> Iterator[Asked]:
    """Yield questions for the turns of phrase that `sentence`, whose clauses are `parts`, has."""
    for asked in _all(sentence, parts, topic, generator):
        both = asked.question + asked.answer
        if (
            _SHORTEST <= len(asked.question) <= _LONGEST
            and len(asked.answer) <= _LONGEST_ANSWER
            and asked.answer.strip("「」“”《》") not in asked.question
            and not _UNCLEAR.search(both)
            and not _BRACKETS.search(both)
        ):
            yield asked


def _all(
    sentence: str, parts: Sequence[Clause], topic: Topic | None, generator: random.Random
) -> Iterator[Asked]:
    yield from _reasons(sentence, topic, generator)
    yield from _purposes(sentence, topic, generator)
    yield from _qualities(sentence, topic, generator)
    yield from _manners(sentence, parts, topic, generator)
    if topic is not None and _is_about(sentence, topic):
        yield from _sizes(sentence, topic, generator)
        if sentence == topic.opening:
            yield from _definition(sentence, topic, generator)
            yield from _other_names(sentence, topic, generator)
            yield from _lifetime(sentence, topic, generator)


def _is_about(sentence: str, topic: Topic) -> bool:
    """Return whether the sentence begins with the topic, a pronoun for it, or no subject."""
    return sentence.startswith(
        (*topic.aliases, "他", "她", "它", "该", "全", "总", "面积", "人口", "海拔")
    )


def _found(match: re.Match[str], question: str, kind: str) -> Asked:
    return Asked(question, match["a"], match.start("a"), kind)


def _definition(sentence: str, topic: Topic, generator: random.Random) -> Iterator[Asked]:
    name = next((alias for alias in topic.aliases if sentence.lstrip("《").startswith(alias)), None)
    match = _DEFINITION.search(sentence, len(name)) if name else None
    if not match or _CUT_SHORT.search(match["a"]):
        return
    words = _WHO_IS if topic.is_person else _WHAT_IS
    yield _found(match, generator.choice(words).format(t=topic.name), "definition")


def _sizes(sentence: str, topic: Topic, generator: random.Random) -> Iterator[Asked]:
    for pattern, words in _SIZES:
        match = pattern.search(sentence)
        if match and (match["s"] in ("", "其", "它", "该") or match["s"] in topic.aliases):
            yield _found(match, generator.choice(words).format(t=topic.name), "size")


def _other_names(sentence: str, topic: Topic, generator: random.Random) -> Iterator[Asked]:
    for pattern, words in _OTHER_NAMES:
        # Only near the beginning: what follows may be another thing's name.
        match = pattern.search(sentence, 0, 60)
        # In brackets it is the name of what stands before them.
        bracket = match is not None and sentence[match.start()] in "（("
        named = match and sentence[: match.start()].rstrip("》").endswith(topic.aliases)
        if bracket and not named:
            continue
        if match and match["a"].strip("「」“”《》") not in topic.aliases:
            yield _found(match, generator.choice(words).format(t=topic.name), "other name")


def _lifetime(sentence: str, topic: Topic, generator: random.Random) -> Iterator[Asked]:
    if not topic.is_person:
        return
    match = re.match(
        rf"[^，。（(]{{1,20}}[（(][^（()）]*?(?P<a>{_DATE})\s*[-—–－~～至]+\s*(?P<b>{_DATE})",
        sentence,
    )
    if match:
        born = (
            "{t}是什么时候出生的？",
            "{t}出生于何时？",
            "{t}的出生日期是什么？",
            "{t}生于什么时候？",
        )
        yield _found(match, generator.choice(born).format(t=topic.name), "lifetime")
        died = (
            "{t}是什么时候去世的？",
            "{t}死于何时？",
            "{t}的逝世日期是什么？",
            "{t}什么时候离世？",
        )
        yield Asked(
            generator.choice(died).format(t=topic.name), match["b"], match.start("b"), "lifetime"
        )
    elif match := re.match(
        rf"[^，。（(]{{1,20}}[（(][^（()）]*?(?P<a>{_DATE})\s*[-—–－~～]+\s*[，）)]", sentence
    ):
        yield _found(
            match,
            generator.choice(("{t}是什么时候出生的？", "{t}出生于何时？")).format(t=topic.name),
            "lifetime",
        )


def _reasons(sentence: str, topic: Topic | None, generator: random.Random) -> Iterator[Asked]:
    match = re.search(
        r"(?:^|，)(?:由于|因为|因(?![此而为]))(?P<a>[^，。；]{4,40})，(?:所以|因此|因而|故此|故|于是|而)?(?P<b>[^，。；]{4,40})[，。；]",
        sentence,
    )
    if match is None:
        match = re.search(
            r"^(?P<b>[^，。；]{4,40})，(?:原因是|是因为|主要是因为|这是因为|是由于|因为|主要原因是|皆因)(?P<a>[^，。；]{4,40})[，。；]",
            sentence,
        )
    if (
        match is None
        or match["a"].endswith(("时", "后", "的", "前", "中"))
        or "为什么" in match["b"]
        or match["b"].startswith(("以及", "和", "及", "与", "而"))
    ):
        return
    if effect := _stand_alone(match["b"], topic):
        subject, rest = effect
        question = generator.choice(
            (
                f"为什么{subject}{rest}？",
                f"{subject}为什么{rest}？",
                f"{subject}为何{rest}？",
                f"{subject}{rest}的原因是什么？",
                f"是什么原因使{subject}{rest}？",
            )
        )
        yield _found(match, question, "reason")


def _purposes(sentence: str, topic: Topic | None, generator: random.Random) -> Iterator[Asked]:
    match = re.search(
        rf"(?:^|，)(?:为了|为(?={_AIMS}))(?P<a>[^，。；]{{4,36}})，(?P<b>[^，。；]{{4,40}})[，。；]",
        sentence,
    )
    if match is None:
        match = re.search(
            r"^(?P<b>[^，。；]{4,40})，(?:以便|旨在|目的是|目的在于|目的为|用以|借以|藉以|以求|以期)(?P<a>[^，。；]{4,36})[，。；]",
            sentence,
        )
    if match is None or match["a"].endswith(("时", "后", "的", "者", "前", "起见")):
        return
    if effect := _stand_alone(match["b"], topic):
        subject, rest = effect
        question = generator.choice(
            (
                f"{subject}{rest}的目的是什么？",
                f"{subject}为了什么{rest}？",
                f"{subject}为什么要{rest}？",
                f"{subject}{rest}是为了什么？",
            )
        )
        yield _found(match, question, "purpose")


def _qualities(sentence: str, topic: Topic | None, generator: random.Random) -> Iterator[Asked]:
    match = _QUALITY.search(sentence)
    if (
        match is None
        or match["a"].endswith(("的", "之一", "时", "后"))
        or match["a"].startswith(("由", "在", "因", "否", "不", "了", "没"))
    ):
        return
    subject = match["s"]
    if match["q"] == "原因" and not subject:
        return
    if subject in ("", "其", "他", "她", "它") or (topic and subject in topic.aliases):
        subject = topic.name if topic else ""
    else:
        tokens = tokenize(subject + match["q"])
        nouns = all(token.kind in NOUNS or token.text == "的" for token in tokens)
        if (
            len(tokens) < 2
            or not nouns
            or tokens[-1].text != match["q"]
            or tokens[0].kind in ("direction", "adjective")
        ):
            return
    if subject:
        person = match["q"] in _PEOPLE
        words = (
            ("{s}的{q}是谁？",)
            if person
            else (
                "{s}的{q}是什么？",
                "{s}有什么{q}？"
                if match["q"]
                in ("特点", "特征", "特色", "优点", "缺点", "作用", "用途", "功能", "好处")
                else "{s}的{q}是什么？",
            )
        )
        yield _found(match, generator.choice(words).format(s=subject, q=match["q"]), "quality")


def _manners(
    sentence: str, parts: Sequence[Clause], topic: Topic | None, generator: random.Random
) -> Iterator[Asked]:
    match = _FOOD.search(sentence)
    if match and topic and _is_about(sentence, topic):
        words = _LIVES_ON if match["v"] == "生" else _EATS
        yield _found(match, generator.choice(words).format(t=topic.name), "food")
    for clause in parts:
        text = text_of(clause.predicate, sentence)
        match = _MANNER.match(text)
        start = sentence.find(text)
        if match and start >= 0 and match["b"][0] not in "为今":
            word = generator.choice(("如何", "怎样", "怎么", "用什么办法"))
            yield Asked(
                f"{clause.subject}{word}{match['b']}？",
                match["a"],
                start + match.start("a"),
                "manner",
            )


def _stand_alone(text: str, topic: Topic | None) -> tuple[str, str] | None:
    """Return subject and predicate of a clause, if it is one clause with a known subject."""
    found = list(clauses(text, topic))
    if len(found) != 1:
        return None
    clause = found[0]
    if not clause.own and not (topic and topic.is_person):
        return None
    predicate = without_links(clause.predicate)
    rest = text_of(clause.setting, text) + text_of(predicate, text)
    if (
        len(rest) < 3
        or predicate[-1].kind in ("adverb", "prep", "de")
        or predicate[-1].text in ("后", "时", "前")
        or predicate[0].text in ("是", "享年", "为")
    ):
        return None
    return clause.subject, rest
