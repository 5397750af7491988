"""How people ask about documents: instructions, follow-ups and refusals, in both languages."""

import random
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from engine.document_prompt import ask_about_passage, ask_about_passages
from training.evaluation.language import Language
from training.making.paraphrase import uncapitalised

_FILE = Path(__file__).parents[1] / "recipes" / "text" / "document_wordings.toml"
_PROMPT_SHARE = 0.4
"""So often is the question asked in the wording of the application and the evaluation."""


@dataclass(frozen=True)
class Wordings:
    """The wordings of one language; `single` and `many` are for one and for numbered passages."""

    language: Language
    single: list[str] = field(repr=False)
    many: list[str] = field(repr=False)
    quote: list[str] = field(repr=False)
    follow_up: list[str] = field(repr=False)
    about: list[str] = field(repr=False)
    title: list[str] = field(repr=False)
    summary: list[str] = field(repr=False)
    refusal_single: list[str] = field(repr=False)
    refusal_many: list[str] = field(repr=False)
    unknown: list[str] = field(repr=False)
    """Answers to a question about a fact where no text is given."""
    insist: list[str] = field(repr=False)
    no_guess: list[str] = field(repr=False)
    """Answers to `insist`, which asks for a guess."""
    given: list[str] = field(repr=False)
    """Messages that hand over the text {p} after the question."""
    repeat: list[str] = field(repr=False)
    sentence_at: list[str] = field(repr=False)
    sentence_from: list[str] = field(repr=False)
    years: list[str] = field(repr=False)
    """Ways to ask for a copy: of {s}, of the {n} sentence, of the one from {b} on, of all years."""
    translate_en: list[str] = field(default_factory=list, repr=False)
    translate_zh: list[str] = field(default_factory=list, repr=False)
    """Ways to ask for a translation, in either language; they stand with the Chinese wordings."""

    def ask(self, passage: str, question: str, generator: random.Random, numbered: bool) -> str:
        """Return a message that asks `question` about `passage`."""
        if generator.random() < _PROMPT_SHARE:
            ask = ask_about_passages if numbered else ask_about_passage
            return ask(passage, question, self.language)
        wording = generator.choice(self.many if numbered else self.single)
        return wording.replace("{p}", passage).replace("{q}", question)

    def ask_again(self, question: str, generator: random.Random) -> str:
        """Return a message that asks one more question about the same passage."""
        wording = generator.choice(self.follow_up)
        if self.language == "en" and wording.startswith("And"):
            question = uncapitalised(question)
        return wording.replace("{q}", question)

    def refuse(self, generator: random.Random, numbered: bool) -> str:
        """Return the statement that the text does not hold the answer."""
        return generator.choice(self.refusal_many if numbered else self.refusal_single)


@cache
def wordings(language: Language) -> Wordings:
    """Return the wordings of a language."""
    return Wordings(language, **tomllib.loads(_FILE.read_text(encoding="utf-8"))[language])
