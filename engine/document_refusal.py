"""How an answer says that the documents do not hold it."""

from engine.document_prompt import PromptLanguage

REFUSALS: dict[PromptLanguage, tuple[str, ...]] = {
    "zh": (
        "没有说明",
        "没有提到",
        "没有提及",
        "没有相关",
        "没有给出",
        "没有写",
        "未提到",
        "未提及",
        "未说明",
        "找不到答案",
        "没有答案",
        "无法回答",
        "不能回答",
    ),
    "en": (
        "does not say",
        "does not mention",
        "does not give",
        "does not contain",
        "does not answer",
        "does not provide",
        "not mentioned",
        "not stated",
        "not given in",
        "cannot find",
        "cannot be answered",
        "no answer",
    ),
}
"""An answer with one of these says that the text does not: the wordings of our training data
(in full, "doesn't" and "can't"), and their nearest variants."""

NOT_IN_DOCUMENTS: dict[PromptLanguage, str] = {
    "zh": "在文档里找不到答案。",
    "en": "There is no answer to this in the documents.",
}
"""The answer, in the language of the question, where retrieval or reading finds nothing."""
NO_SUPPORT: dict[PromptLanguage, str] = {
    "zh": "（文档里没有支持这个回答的内容。）",
    "en": "(Nothing in the documents supports this answer.)",
}
"""What follows an answer of which no sentence is found in a passage."""


def is_refusal(answer: str, language: PromptLanguage) -> bool:
    """Return whether `answer` says that the text does not hold the answer."""
    plain = answer.lower().replace("’", "'").replace("can't", "cannot").replace("n't", " not")
    return any(phrase in plain for phrase in REFUSALS[language])


def without_notice(answer: str) -> str:
    """Return an answer that is to go on, without the sentence that nothing supports it."""
    for notice in NO_SUPPORT.values():
        answer = answer.removesuffix(f"\n\n{notice}")
    return answer
