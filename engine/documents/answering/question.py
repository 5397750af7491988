"""What a question asks for: its type, the words that matter, the noun behind the question word."""

import re
from dataclasses import dataclass, field

from engine.document_prompt import PromptLanguage
from engine.documents.answering.words import FUNCTION_KINDS, KIND, Word, language_of, words_of

TYPES = ("who", "when", "where", "number", "why", "how", "which", "define", "whether", "other")
"""The first that fits counts; `Question.type` is a place in it."""

_PATTERNS: dict[PromptLanguage, tuple[tuple[str, str], ...]] = {
    "zh": (
        ("why", r"为什么|为何|為什麼|為何|何以|原因|为啥|缘故"),
        ("who", r"谁|誰|何人|哪位|哪一位|什么人|什麼人|哪些人|哪个人|哪兩人|哪两人|何者"),
        (
            "when",
            r"何时|何時|什么时候|什麼時候|哪(?:一)?[年月日天]|几[年月日]|幾年|何年|何月|哪个(?:世纪|年代|朝代)"
            r"|(?:时间|時間|年份|日期)(?:是|为|為|$)|什么时间|什麼時間|哪个时期"
            r"|[几幾][点點](?![建意看原要理共区不特好坏])",
        ),
        ("number", r"多少|[几幾](?!乎)|多[大长長高远遠重久深宽寬快]|第几|比例|何倍"),
        (
            "where",
            r"哪里|哪裡|哪儿|哪兒|何处|何處|何地|什么地方|什麼地方"
            r"|(?:哪|哪个|哪個|哪一个|哪一個|哪座|什么|什麼|何)(?:国|國|省|市|城|县|縣|州|洲|地|区|區|岛|島)",
        ),
        ("whether", r"吗|嗎|是否|是不是|有没有|有沒有"),
        ("how", r"怎么|怎麼|如何|怎样|怎樣|怎么样"),
        ("define", r"(?:是什么|是什麼|什么是|什麼是|指的是什么|是何物)[?？]?$"),
        ("which", r"哪|什么|什麼|何|啥|甚么"),
    ),
    "en": (
        ("why", r"\bwhy\b|\bwhat (?:reason|cause)|\bfor what reason"),
        (
            "number",
            r"\bhow (?:many|much|long|far|old|tall|high|big|large|often|fast|deep|wide|few)\b"
            r"|\bwhat (?:percentage|number|percent|amount)\b",
        ),
        (
            "when",
            r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade|time)\b",
        ),
        ("who", r"\bwho\b|\bwhom\b|\bwhose\b|\bwhat (?:person|man|woman)\b"),
        (
            "where",
            r"\bwhere\b|\b(?:what|which) (?:\w+ )?(?:city|country|state|place|location|town"
            r"|county|region|continent|island)\b",
        ),
        ("how", r"\bhow\b"),
        ("define", r"^what (?:is|are|was|were) (?:an? |the )?(?:\w+ ?){1,3}\?*$"),
        ("which", r"\bwhat\b|\bwhich\b"),
        ("whether", r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would)\b"),
    ),
}
_COMPILED = {
    language: [(name, re.compile(pattern)) for name, pattern in patterns]
    for language, patterns in _PATTERNS.items()
}
# What is asked for stands behind the question word: "哪个城市", "多少公里", "which river".
_FOCUS: dict[PromptLanguage, re.Pattern[str]] = {
    "zh": re.compile(
        r"(?:哪(?:一)?(?:个|個|位|座|些|种|種|部|家|所|支|项|場|场)?|多少|[几幾]|什么|什麼|何种?)"
    ),
    "en": re.compile(r"\b(?:what|which|how many|how much|whose)\b"),
}
# The words that stand in a question where its answer stands in a text.
_SLOT: dict[PromptLanguage, re.Pattern[str]] = {
    "zh": re.compile(
        r"谁|誰|哪(?:里|裡|儿|兒|一?[个個位座些种種部家所支项項场場年月日天国國])?"
        r"|何[时時地处處人年月日种種]?|多少|[几幾][个個年月日位点點]?|(?:为|為)?[什甚](?:么|麼)|怎么|怎麼|如何"
    ),
    "en": re.compile(
        r"\b(?:how (?:many|much|long|far|old|tall|high|big|large|often|fast)"
        r"|what|which|who|whom|whose|when|where|why|how)\b"
    ),
}
# More than one thing is asked for.
_SEVERAL: dict[PromptLanguage, re.Pattern[str]] = {
    "zh": re.compile(r"哪(?:些|几|幾|[两兩二三四五六七八九十])|分别|分別|都有(?:什么|什麼|谁|誰)"),
    "en": re.compile(
        r"\b(?:what|which|who) (?:are|were|(?:\w+ )?(?:two|three|four|five|several))\b"
        r"|\b(?:what|which) (?:(?!(?:does|was|has|is)\b)\w+ )?"
        r"(?!\w*(?:ss|us|is)\b|does\b|was\b|has\b)\w{3,}s\b"
    ),
}
_ASKING = re.compile(
    "请问|为什么|为何|什么时候|什么样|什么|哪一?[个年月日位座种些]|哪[里儿]|哪|是谁|谁|何[时地处人年种]"
    "|多少|怎么样|怎[么样]|如何|是否|几[个年月日]|[是有在于吗呢了的]"
)
_IGNORED_TEXT = (
    "什么 什麼 哪 哪里 哪个 哪些 谁 多少 几 何 何时 如何 怎么 为什么 是 的 了 在 有 吗 呢 被 请问 "
    "what which who whom whose when where why how is are was were do does did be been has have had "
    "many much the a an of in on at to for by with from as it its s"
)
_IGNORED = frozenset(_IGNORED_TEXT.split())
_EQUALS = frozenset("是为為叫有在即")
_SUFFIXES = ("ing", "ies", "ed", "es", "s", "ly", "'s", "’s")
_LEAST_STEM = 4


@dataclass(frozen=True)
class Question:
    """A question, read once for all the spans that could answer it."""

    text: str
    language: PromptLanguage
    type: int
    """A place in TYPES."""
    stems: tuple[str, ...]
    """Of all its words."""
    kinds: tuple[int, ...]
    """What each of them is (see Word)."""
    terms: frozenset[str]
    """Stems of the words that a sentence with the answer is likely to hold."""
    context: frozenset[str]
    """Further ones that only the questions before it name; they count for less."""
    focus: frozenset[str]
    """Stems of what is asked for, such as "city" of "which city"; empty where it is not named."""
    several: bool
    """Whether it asks for more than one thing: "which rivers"."""
    beside: tuple[str, str]
    """Stems of the words before and after the one that asks, such as "by" of "by whom"; else ""."""
    folded: str = field(repr=False)


def read_question(text: str, completed: str = "") -> Question:
    """Return what `text` asks for; `completed` is the same behind the questions it leans on.

    Those say what it is about, but not what it asks for: "When was it built? And by whom?" asks
    for a person.
    """
    language = language_of(text)
    folded = text.lower().strip()
    kind = next((name for name, one in _COMPILED[language] if one.search(folded)), "other")
    words = words_of(text)
    terms = _terms(text)
    return Question(
        text=text,
        language=language,
        type=TYPES.index(kind),
        stems=tuple(stem(word.text) for word in words),
        kinds=tuple(word.kind for word in words),
        terms=terms,
        context=_terms(completed) - terms,
        focus=_focus(folded, words, language),
        several=_SEVERAL[language].search(folded) is not None,
        beside=_beside(folded, words, language),
        folded=folded,
    )


def _terms(text: str) -> frozenset[str]:
    # Without what only asks, words are divided as they are in a text.
    asked = _ASKING.sub(" ", text) if language_of(text) == "zh" else text
    return frozenset(stem(word.text) for word in words_of(asked) if counts(word))


def counts(word: Word) -> bool:
    """Return whether a word says what a text is about."""
    return word.kind not in FUNCTION_KINDS and word.text not in _IGNORED


def stem(word: str) -> str:
    """Return a word without the commonest English endings; Chinese as it is."""
    if word.isascii() and word.isalpha():
        for suffix in _SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= _LEAST_STEM:
                return word[: -len(suffix)]
    return word


def _beside(folded: str, words: list[Word], language: PromptLanguage) -> tuple[str, str]:
    match = _SLOT[language].search(folded)
    if match is None:
        return "", ""
    before = [stem(word.text) for word in words if word.end <= match.start()]
    after = [stem(word.text) for word in words if word.start >= match.end()]
    return (before or [""])[-1], (after or [""])[0]


def _focus(folded: str, words: list[Word], language: PromptLanguage) -> frozenset[str]:
    match = _FOCUS[language].search(folded)
    if match is None:
        return frozenset()
    behind = (word for word in words if word.start >= match.end())
    nouns: list[str] = []
    for word in behind:
        if word.kind in (KIND["verb"], KIND["mark"], KIND["preposition"]):
            break
        if counts(word):
            nouns.append(stem(word.text))
        if len(nouns) == 3:
            break
    if language == "zh" and not nouns:
        nouns = _asked_before([word for word in words if word.end <= match.start()])
    return frozenset(nouns)


def _asked_before(before: list[Word]) -> list[str]:
    """Return the noun that a Chinese question asks for at its end: 他的职业是什么？"""
    while before and before[-1].text in _EQUALS:
        before = before[:-1]
    return [before[-1].text] if before and before[-1].kind == KIND["noun"] else []
