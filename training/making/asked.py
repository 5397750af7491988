"""A question with its answer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """A question that a sentence answers.

    `answer` stands in the sentence, from character `start` on. `kind` names the rule.
    """

    question: str
    answer: str
    start: int
    kind: str
