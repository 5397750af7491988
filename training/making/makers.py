"""What can be made of what: each maker turns documents into training records.

A maker takes an iterable of documents and a seed, yields records, and gives the same for the same
of both. It holds at most some hundred passages in memory, except those that read small human-made
sets, which take them whole.
"""

from collections.abc import Callable, Iterable, Iterator

from training.making.closed_book import from_closed_book, from_dictionary
from training.making.conversations import from_mixed, from_written
from training.making.copying import from_copied
from training.making.documents import from_documents
from training.making.facts import from_facts
from training.making.gaps import from_gaps
from training.making.human_questions import (
    from_human_questions,
    from_joined_questions,
    from_written_questions,
)
from training.making.keywords import from_keywords
from training.making.preferences import (
    human_question_pairs,
    question_pairs,
    written_pairs,
    written_question_pairs,
)
from training.making.records import Record
from training.making.shuffled import from_shuffled
from training.making.talk import answered_pairs, from_talk, talk_pairs
from training.making.tasks import from_titled, from_translations

Maker = Callable[[Iterable[Record], str], Iterator[Record]]

MAKERS: dict[str, Maker] = {
    "questions": from_documents,
    "gaps": from_gaps,
    "keywords": from_keywords,
    "shuffled": from_shuffled,
    "closed-book": from_closed_book,
    "dictionary": from_dictionary,
    "copying": from_copied,
    "facts": from_facts,
    "summaries": from_titled,
    "human-questions": from_human_questions,
    "joined-questions": from_joined_questions,
    "written-questions": from_written_questions,
    "translations": from_translations,
    "conversations": from_written,
    "mixed-conversations": from_mixed,
    "talk": from_talk,
    "question-pairs": question_pairs,
    "human-question-pairs": human_question_pairs,
    "written-question-pairs": written_question_pairs,
    "conversation-pairs": written_pairs,
    "talk-pairs": talk_pairs,
    "answered-pairs": answered_pairs,
}
"""By the name that a recipe calls them; those with "pairs" make preferences, the others tuning."""
