"""The same question in other words, so that it cannot be answered by matching letters."""

import random
import re

from training.evaluation.language import Language
from training.making.vocabulary import vocabulary

_CHANCE = 0.45
_ASKING = {
    "zh": (
        "请问，{q}",
        "文中提到，{q}",
        "根据文章，{q}",
        "我想知道{q}",
        "文章里说{q}",
        "请告诉我{q}",
    ),
    "en": (
        "According to the text, {q}",
        "According to the passage, {q}",
        "Can you tell me: {q}",
        "In the text, {q}",
        "I'd like to know: {q}",
    ),
}
_PLAIN_BEGINNINGS = frozenset(vocabulary("en").words("plain_beginnings"))
_ASKING_CHANCE = 0.05
_TITLED = re.compile(r"《[^》]*》|「[^」]*」|“[^”]*”")


def paraphrase(question: str, language: Language, generator: random.Random) -> str:
    """Return `question`, some words replaced by others of the same meaning."""
    quoted = " ".join(_TITLED.findall(question))
    for word, others in vocabulary(language).table("paraphrases").items():
        if word not in question or word in quoted or generator.random() >= _CHANCE:
            continue
        other = generator.choice(others).replace("_", " ")
        if language == "zh":
            question = question.replace(word, other, 1)
        else:
            question = re.sub(rf"(?<= ){word}\b", other, question, count=1)
    if generator.random() < _ASKING_CHANCE:
        form = generator.choice(_ASKING[language])
        if language == "zh":
            return form.format(q=question)
        return form.format(q=uncapitalised(question) if ", {q}" in form else question)
    return question


def uncapitalised(question: str) -> str:
    """Return an English question as it stands within a sentence: names keep their capitals."""
    if question.split()[0].lower() in _PLAIN_BEGINNINGS:
        return question[0].lower() + question[1:]
    return question
