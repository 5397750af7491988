"""Parts of passages: the run of sentences around one of them, and what is left without it."""

import random

from training.evaluation.bm25 import terms
from training.making.asked import Asked
from training.making.passages import Passage


def letters(text: str) -> str:
    """Return letters and digits alone, so that spelling does not hide an answer."""
    return "".join(filter(str.isalnum, text.casefold()))


def place_of(passage: Passage, asked: Asked) -> int:
    """Return the number of the sentence that the answer begins in."""
    return max(i for i, (start, _) in enumerate(passage.sentences) if start <= asked.start)


def likest(passage: Passage, asked: Asked) -> int:
    """Return the number of the sentence that has most words in common with the question."""
    wanted = set(terms(asked.question))
    sentences = (passage.sentence(number) for number in range(len(passage.sentences)))
    shared = [len(wanted.intersection(terms(sentence))) for sentence in sentences]
    return shared.index(max(shared))


def without_sentence(passage: Passage, asked: Asked) -> str:
    """Return the text of the passage without the sentence that the answer begins in."""
    start, end = passage.sentences[place_of(passage, asked)]
    return f"{passage.text[:start].rstrip(' ')}{passage.text[end:]}".strip()


def around(passage: Passage, first: int, room: int, generator: random.Random) -> str:
    """Return a run of sentences around number `first`, of at most `room` characters if it is."""
    spans = passage.sentences
    last = first
    while True:
        # Grow to a side that has room, the side by chance.
        wider = [
            (a, b)
            for a, b in ((first - 1, last), (first, last + 1))
            if a >= 0 and b < len(spans) and spans[b][1] - spans[a][0] <= room
        ]
        if not wider:
            return passage.text[spans[first][0] : spans[last][1]]
        first, last = generator.choice(wider)
