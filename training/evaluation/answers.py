"""How well a model foresees the right answers to questions about a passage.

Bits per byte of the first reference answer and its end, given passage and question: it tells
models apart whose own answers are still all wrong.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from training.evaluation.bpb import Tally
from training.evaluation.language import Language
from training.evaluation.passage_prompt import answer_tokens, fit_prompt
from training.evaluation.runner import Runner, log_likelihoods
from training.evaluation.sampling import sample
from training.evaluation.squad import Question, read_squad

if TYPE_CHECKING:  # it needs Jinja2, which is not installed everywhere where training runs
    from engine.chat_template import Message


def evaluate(runner: Runner, data: Path, limit: int | None) -> dict[str, Any]:
    """Return the suite's score, in bits per UTF-8 byte; lower is better.

    `limit` is a number of questions, drawn with seed 0.
    """
    dataset = read_squad(data)
    questions = sample(dataset.questions, limit)
    tally = Tally()
    # Questions about one passage side by side: the model then reads it once.
    order = sorted(questions, key=lambda question: question.passage.context)
    for question in tqdm(order, desc="answers", unit="question"):
        tally.add(_score(runner, question, dataset.language))
    return {
        "language": dataset.language,
        "n": len(questions),
        "answer_bits_per_byte": tally.bits_per_byte,
    }


def _score(runner: Runner, question: Question, language: Language) -> Tally:
    """Measure the start of an answer: as much as a model may write."""
    prompt = fit_prompt(runner, question.passage.context, question.text, language)
    answered: list[Message] = [
        {"role": "user", "content": prompt.text},
        {"role": "assistant", "content": question.answers[0]},
    ]
    token_ids = runner.chat_template.encode(answered, add_generation_prompt=False)
    answer = token_ids[len(prompt.token_ids) :][: answer_tokens(runner)]
    nats = -float(log_likelihoods(runner, prompt.token_ids, answer).sum(dtype=np.float64))
    return Tally(nats / math.log(2), sum(len(runner.tokenizer.token_bytes(t)) for t in answer))
