"""Conversations about passages: questions that they answer, and questions that they do not.

Some questions go to the passage that fits them best without holding the answer, as
training.evaluation.docqa does it: what the words of a question have in common with a text must
not be taken for an answer.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.document_prompt import cite, join_numbered
from training.evaluation.bm25 import BM25
from training.evaluation.language import Language
from training.making.asked import Asked
from training.making.passages import Passage
from training.making.pieces import around, letters, likest, place_of, without_sentence
from training.making.wordings import Wordings, wordings

TURNS = (1, 2, 3, 4, 6, 8)
"""How many questions about one passage follow one another, by chance."""
NUMBERED_SHARE = 0.2
"""So many questions go to numbered passages, one question to many words."""
_LENT_SHARE = 0.1
"""So many questions are also put to a foreign passage."""
_UNANSWERABLE_SHARE = 0.12
"""So many questions about numbered passages have no answer there."""
_CUT_SHARE = 0.04
"""So many passages lose the sentence that answers a question."""
_FOLLOW_UP_SHARE = 0.4
_MOST_NUMBERED_TURNS = 3
_QUOTE_SHARE = 0.03
TITLE_SHARE = 0.2
"""So many passages stand under their title."""
_UNNAMED_TITLE_SHARE = 0.6
"""The same for passages that do not name what they are about."""
_PIECES = (1, 2, 2, 3, 3, 3, 4, 4, 5)
_ROOM: dict[Language, int] = {"zh": 900, "en": 1500}
"""Characters of all numbered passages together."""
_NEAREST = 12
_LOOKED_AT = 8
"""So many times the wanted passages are looked at for ones that lack the answer."""


@dataclass(frozen=True)
class Turn:
    """A question and its answer; `span` is the answer's span, None where there is none."""

    user: str
    assistant: str
    span: str | None
    kind: str


@dataclass(frozen=True)
class Exercise:
    """A conversation about a text. `wrong` are spans of it that do not answer the first turn."""

    language: Language
    text: str
    turns: tuple[Turn, ...]
    wrong: tuple[str, ...]
    pieces: int = 0
    """How many numbered passages there are; 0 where they are not numbered."""

    def pairs(self) -> list[tuple[str, str]]:
        """Return the turns as (user, assistant)."""
        return [(turn.user, turn.assistant) for turn in self.turns]


@dataclass(frozen=True)
class _Own:
    """A question and the number of the passage that it was made from."""

    asked: Asked
    home: int


class Block:
    """Some hundred passages in one language, what each was asked, and the exercises over them."""

    def __init__(
        self,
        passages: Sequence[Passage],
        asked: Sequence[Sequence[Asked]],
        generator: random.Random,
        title_share: float = TITLE_SHARE,
        turns: Sequence[int] = TURNS,
        numbered_share: float = NUMBERED_SHARE,
    ) -> None:
        self._passages = passages
        self._asked = asked
        self._generator = generator
        self._title_share = title_share
        self._turn_counts = turns
        self._numbered_share = numbered_share
        self._language: Language = passages[0].language
        self._words: Wordings = wordings(self._language)
        self._plain = [letters(passage.text) for passage in passages]
        self._index = BM25([passage.text for passage in passages])
        self._seen: set[str] = set()

    def exercises(self) -> Iterator[Exercise]:
        """Yield the exercises; every question is in one of them at least, if it was not before."""
        lent = self._lend()
        for number in range(len(self._passages)):
            own = [_Own(asked, number) for asked in self._asked[number] if self._is_new(asked)]
            foreign = lent[number]
            while own or foreign:
                wanted = self._generator.choice(self._turn_counts)
                now, own = own[:wanted], own[wanted:]
                if now and self._generator.random() < self._numbered_share:
                    exercise = self._numbered(now[0])
                    own = now[1:] + own
                else:
                    exercise = self._single(number, now, foreign[:1])
                    foreign = foreign[1:]
                if exercise is not None:
                    yield exercise

    def _is_new(self, asked: Asked) -> bool:
        """Tell whether the question was not yet asked in this block: many articles are alike."""
        new = asked.question not in self._seen
        self._seen.add(asked.question)
        return new

    def _lend(self) -> list[list[_Own]]:
        """Give some questions to the foreign passage that fits them best."""
        lent: list[list[_Own]] = [[] for _ in self._passages]
        for home, asked_here in enumerate(self._asked):
            for asked in asked_here:
                chosen = asked.kind != "cloze" and self._generator.random() < _LENT_SHARE
                if chosen and (nearest := self._nearest(_Own(asked, home), 1)):
                    lent[nearest[0]].append(_Own(asked, home))
        return lent

    def _nearest(self, own: _Own, count: int) -> list[int]:
        """Return the best passages of other articles for a question that lack its answer."""
        answer = letters(own.asked.answer)
        article = self._passages[own.home].article
        found: list[int] = []
        for number in self._index.ranking(own.asked.question)[: _LOOKED_AT * count]:
            if self._passages[number].article != article and answer not in self._plain[number]:
                found.append(int(number))
            if len(found) == count:
                break
        return found

    def _single(self, number: int, own: list[_Own], foreign: list[_Own]) -> Exercise | None:
        """Return a conversation about one passage: its own questions, and one of another's."""
        generator = self._generator
        passage = self._passages[number]
        text = passage.text
        items = [(one.asked, True) for one in own] + [(one.asked, False) for one in foreign]
        cut = own and not foreign and len(passage.sentences) > 2
        if cut and generator.random() < _CUT_SHARE:
            shortened = without_sentence(passage, own[0].asked)
            if letters(own[0].asked.answer) not in letters(shortened):
                text = shortened
                others = ((one.asked, one.asked.answer in text) for one in own[1:])
                items = [(own[0].asked, False), *others]
        if not items:
            return None
        generator.shuffle(items)
        shown = self._with_title(passage, text)
        turns = self._turns(shown, passage, items, numbered=None)
        wrong = _wrong(items[0][0], [text], self._asked[number])
        return Exercise(self._language, shown, turns, wrong)

    def _numbered(self, own: _Own) -> Exercise | None:
        """Return a conversation about numbered passages, the question's own among them or not."""
        generator, asked = self._generator, own.asked
        count = generator.choice(_PIECES)
        room = _ROOM[self._language] // count
        others = self._nearest(own, _NEAREST)
        if len(others) < count:
            return None
        answerable = generator.random() >= _UNANSWERABLE_SHARE
        places = [
            (number, likest(self._passages[number], asked))
            for number in generator.sample(others, count - answerable)
        ]
        if answerable:
            places.append((own.home, place_of(self._passages[own.home], asked)))
        generator.shuffle(places)
        pieces = [
            (number, around(self._passages[number], place, room, generator))
            for number, place in places
        ]
        texts = [text for _, text in pieces]
        if answerable and not _only_in(asked.answer, dict(pieces)[own.home], texts):
            return None
        items = [(asked, answerable), *((one, True) for one in self._more(asked, pieces))]
        titled = generator.random() < self._title_share
        shown = join_numbered([self._piece(*piece, titled) for piece in pieces])
        turns = self._turns(shown, self._passages[own.home], items, numbered=texts)
        wrong = _wrong(asked, texts, [one for number, _ in pieces for one in self._asked[number]])
        return Exercise(self._language, shown, turns, wrong, count)

    def _more(self, asked: Asked, pieces: list[tuple[int, str]]) -> list[Asked]:
        """Return questions to follow: sometimes, and at most one on each passage."""
        if self._generator.random() >= _FOLLOW_UP_SHARE:
            return []
        texts = [text for _, text in pieces]
        more = []
        for number, text in pieces:
            fits = (
                one
                for one in self._asked[number]
                if one is not asked and _only_in(one.answer, text, texts)
            )
            more += list(fits)[:1]
        return more[: _MOST_NUMBERED_TURNS - 1]

    def _turns(
        self,
        text: str,
        passage: Passage,
        items: list[tuple[Asked, bool]],
        numbered: list[str] | None,
    ) -> tuple[Turn, ...]:
        """Return the turns about `text`; `numbered` are its passages, where they are numbered."""
        generator, words = self._generator, self._words
        turns: list[Turn] = []
        for asked, answerable in items:
            question, answer = asked.question, asked.answer
            if answerable and numbered is None and generator.random() < _QUOTE_SHARE:
                question = generator.choice(words.quote).format(q=question)
                answer = passage.sentence(place_of(passage, asked))
            span = answer if answerable else None
            if not answerable:
                answer = words.refuse(generator, numbered is not None)
            elif numbered is not None:
                place = next(i for i, piece in enumerate(numbered, 1) if answer in piece)
                answer = f"{answer} {cite(place)}"
            if turns:
                user = words.ask_again(question, generator)
            else:
                user = words.ask(text, question, generator, numbered is not None)
            turns.append(Turn(user, answer, span, asked.kind))
        return tuple(turns)

    def _with_title(self, passage: Passage, text: str) -> str:
        """Put the title above the passage: sometimes, and often where the text lacks it."""
        topic = passage.topic
        unnamed = topic is not None and not any(alias in text for alias in topic.aliases)
        share = max(_UNNAMED_TITLE_SHARE, self._title_share) if unnamed else self._title_share
        if not passage.title or self._generator.random() >= share:
            return text
        return f"{passage.title}\n{text}"

    def _piece(self, home: int, text: str, titled: bool) -> str:
        title = self._passages[home].title
        return f"{title}\n{text}" if titled and title else text


def _wrong(asked: Asked, texts: list[str], others: Sequence[Asked]) -> tuple[str, ...]:
    """Return answers to other questions that stand in the texts, those of the same kind first."""
    found = [
        other
        for other in others
        if other is not asked
        and other.answer not in asked.answer
        and asked.answer not in other.answer
        and any(other.answer in text for text in texts)
    ]
    found.sort(key=lambda other: other.kind != asked.kind)
    return tuple(other.answer for other in found)


def _only_in(answer: str, home: str, texts: list[str]) -> bool:
    """Return whether the answer stands in `home`, which is one of `texts`, and in no other."""
    return answer in home and sum(answer in text for text in texts) == 1
