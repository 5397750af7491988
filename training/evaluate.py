"""Evaluation: `python -m training.evaluate --model CHECKPOINT_OR_BUNDLE --suite NAME --json OUT`.

A checkpoint runs in torch, a bundle in the application's engine, both through the same
suites, so that their difference is the cost of quantization:

bpb    bits per UTF-8 byte; --data: the heldout.jsonl that training.data wrote
docqa  answers from a passage; --data: a test set in SQuAD's format (.json or .json.xz)
documents
       the same questions as the application answers them about an attached file, with its
       reader: a bundle's alone; --data as of docqa
answers
       bits per byte of the right answers from a passage; --data as of docqa
mmlu, ceval, cmmlu
       letters chosen after five solved examples, by lm-eval; --data: the exam's questions
       (.jsonl or .jsonl.xz); ceval-cot: C-Eval without examples, reasoned through in writing
chat   loops and language of the answers to 100 prompts of our own; --data: a folder with the
       test sets of KdConv, CrossWOZ and Topical-Chat, for 100 more
safety refusals of prompts that ask for harm, and of harmless ones; --data: preference pairs
       (.jsonl or .jsonl.xz), ours or in the format of hh-rlhf
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from engine.bundle import model_file
from engine.errors import DataError
from training.command import command, write_atomically
from training.evaluation import answers, bpb, chat, docqa, documents, exams, safety
from training.evaluation.bundle_runner import BundleRunner
from training.evaluation.checkpoint_runner import CheckpointRunner
from training.evaluation.runner import Runner

SUITES: dict[str, Callable[..., dict[str, Any]]] = {
    "bpb": bpb.evaluate,
    "docqa": docqa.evaluate,
    "documents": documents.evaluate,
    "answers": answers.evaluate,
    **{exam: partial(exams.evaluate, exam) for exam in ("mmlu", "ceval", "ceval-cot", "cmmlu")},
    "chat": chat.evaluate,
    "safety": safety.evaluate,
}
_NEEDS_NO_DATA = ("chat",)


def open_runner(path: Path) -> Runner:
    """Return the model in the folder `path`, a bundle or a checkpoint.

    Raises DataError or BundleError if it is neither, or damaged.
    """
    if model_file(path).is_file():
        return BundleRunner(path)
    return CheckpointRunner(path)


def evaluate(model: Path, suite: str, data: Path | None, limit: int | None) -> dict[str, Any]:
    """Return the scores of one suite. Raises GebError for a bad model, suite data or limit."""
    if data is None and suite not in _NEEDS_NO_DATA:
        raise DataError("The suite {suite} needs --data.", suite=suite)
    if limit is not None and limit < 1:
        raise DataError("--limit must be at least 1, not {limit}.", limit=limit)
    scores = SUITES[suite](open_runner(model), data, limit)
    return {
        "suite": suite,
        "model": model.name,
        "data": data.name if data else None,
        "limit": limit,
        **scores,
    }


@command
def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint or a bundle")
    parser.add_argument("--suite", choices=SUITES, required=True)
    parser.add_argument("--data", type=Path, help="what the suite reads")
    parser.add_argument(
        "--limit", type=int, help="so many questions or prompts; documents of each domain in bpb"
    )
    parser.add_argument("--json", type=Path, required=True, metavar="OUT", help="the result")
    arguments = parser.parse_args()
    if arguments.json.is_dir():
        raise DataError("{path} is a folder; --json must name a file.", path=arguments.json)
    result = evaluate(arguments.model, arguments.suite, arguments.data, arguments.limit)
    write_atomically(arguments.json, json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    summary = {name: value for name, value in result.items() if name != "answers"}
    print(json.dumps(summary, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
