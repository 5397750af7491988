"""The questions of `docqa`, as the application answers them about an attached file.

The file holds the passage and nothing else. A model answers as it answers best there, which for
a small one is to judge what the reader (engine.documents.answering.reader) found: it tells what
a user gets, where `docqa` tells what the model can do alone.
"""

from pathlib import Path
from typing import Any

from engine.documents.answering.answer import answer_question
from engine.documents.document import Document, Page
from engine.documents.finder import search_attached
from engine.errors import DataError
from training.evaluation.bundle_runner import BundleRunner
from training.evaluation.docqa import Case, cases_of, in_turn, report
from training.evaluation.language import Language
from training.evaluation.runner import Runner
from training.evaluation.scoring import is_refusal
from training.evaluation.squad import read_squad


def evaluate(runner: Runner, data: Path, limit: int | None) -> dict[str, Any]:
    """Return the suite's scores, as docqa.evaluate does. Raises DataError for a checkpoint."""
    if not isinstance(runner, BundleRunner):
        raise DataError("The suite documents needs a bundle: the application answers, not torch.")
    dataset = read_squad(data)
    cases = cases_of(dataset, limit)
    for case in in_turn(cases, "documents"):
        _ask(runner, case, dataset.language)
    return report(cases, dataset.language)


def _ask(runner: BundleRunner, case: Case, language: Language) -> None:
    file = Document(kind="text", title="", pages=(Page(None, case.passage.context),))
    found = search_attached(case.question.text, (), [(Path("passage.txt"), file)])
    answer = answer_question(found, runner.model, runner.bundle)
    case.answer = answer.text
    case.refused = not answer.sources.answerable or is_refusal(answer.text, language)
