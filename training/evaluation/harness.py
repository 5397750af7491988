"""lm-eval over our models: its prompts, its requests, its scoring; nothing is looked up online.

The one module that imports lm-eval, which the other suites do without.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, TemplateLM
from lm_eval.api.task import ConfigurableTask, Task
from lm_eval.evaluator import evaluate
from lm_eval.tasks import TaskManager
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from numpy.typing import NDArray

from training.evaluation.exam_file import Question, Subject
from training.evaluation.letters import chosen_letter
from training.evaluation.runner import Runner

TASKS = Path(__file__).parent / "tasks"
"""One file for each exam: a task of lm-eval without its data."""

# It warns of every data set that does not come from the Hub.
logging.getLogger("lm_eval").setLevel(logging.ERROR)


class HarnessModel(TemplateLM):
    """A runner that lm-eval can question.

    As with its own models, text begins with <s>, and a prompt that is too long for the
    context loses its beginning.
    """

    def __init__(self, runner: Runner, progress: Callable[[], object]) -> None:
        """Take the model, and what to call after each prompt."""
        super().__init__()
        self._runner, self._progress = runner, progress
        self._scored: tuple[list[int], NDArray[np.float32]] | None = None
        self.truncated_prompts: set[str] = set()

    @property
    def eot_token_id(self) -> int:
        """The end of a text."""
        return self._runner.tokenizer.control_tokens["</s>"]

    @property
    def prefix_token_id(self) -> int:
        """What precedes a text."""
        return self._runner.tokenizer.control_tokens["<s>"]

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **_options: Any
    ) -> list[int]:
        """Return the token ids of `string`, after <s> unless `add_special_tokens` is False."""
        ids = self._runner.tokenizer.encode(string)
        return ids if add_special_tokens is False else [self.prefix_token_id, *ids]

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **_options: Any
    ) -> list[tuple[float, bool]]:
        limit = self._runner.context_length + 1
        results = [(0.0, False)] * len(requests)
        # In the order of their tokens: what prompts share is computed once.
        order = sorted(range(len(requests)), key=lambda index: requests[index][1:])
        for index in order:
            (prompt, _), context, continuation = requests[index]
            tokens = context + continuation
            if len(tokens) > limit:
                self.truncated_prompts.add(prompt)
            rows = self._log_probabilities(tokens[-limit:-1], len(continuation))
            likelihoods = rows[np.arange(len(continuation)), continuation]
            greedy = bool((rows.argmax(-1) == continuation).all())
            results[index] = float(likelihoods.sum()), greedy
        return results

    def _log_probabilities(self, tokens: list[int], count: int) -> NDArray[np.float32]:
        """Return the runner's answer; letters after one prompt need but one."""
        if self._scored is None or self._scored[0] != tokens or len(self._scored[1]) < count:
            self._scored = tokens, self._runner.log_probabilities(tokens, count)
            self._progress()
        return self._scored[1][-count:]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Return ln p of whole texts; each token of a long one is predicted once."""
        totals = []
        for request in requests:
            tokens, longest = self.tok_encode(request.args[0]), self._runner.context_length
            windows = get_rolling_token_windows(tokens, self.prefix_token_id, longest, 1)
            pairs = [(("", ""), *make_disjoint_window(window)) for window in windows]
            totals.append(sum(found for found, _ in self._loglikelihood_tokens(pairs)))
        return totals

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Return greedy answers, each cut where the first of its stop sequences begins.

        An answer takes at most half of the context.
        """
        answers = []
        for request in requests:
            prompt, options = request.args
            longest = min(options["max_gen_toks"], self._runner.context_length // 2)
            room = self._runner.context_length - longest
            tokens = self.tok_encode(prompt)
            if len(tokens) > room:
                self.truncated_prompts.add(prompt)
            answer = self._runner.complete(tokens[-room:], longest)
            for stop in options["until"]:
                answer = answer.split(stop)[0]
            answers.append(answer)
            self._progress()
        return answers


def read_task(exam: str) -> dict[str, Any]:
    """Return the task file of an exam."""
    manager = TaskManager(include_path=TASKS, include_defaults=False)
    task: dict[str, Any] = manager.task_index[exam].cfg
    return task


def build_task(task: Mapping[str, Any], name: str, subject: Subject) -> Task:
    """Return lm-eval's task for the subject `name` of an exam."""
    spoken = task["metadata"]["subjects"][name]
    splits = {
        task["fewshot_split"]: _dataset(subject.examples, spoken),
        task["test_split"]: _dataset(subject.questions, spoken),
    }
    config = {**task, "task": name, "custom_dataset": lambda **_: splits}
    if task["output_type"] == "generate_until":
        config["process_results"] = _mark
    return ConfigurableTask(config=config)


def answer(model: LM, task: Task) -> list[dict[str, Any]]:
    """Return what lm-eval notes of each question: `doc`, `filtered_resps`, `acc` …"""
    with redirect_stderr(StringIO()):  # progress bars of its own
        results = evaluate(model, {task.task_name: task}, bootstrap_iters=0)
    samples: list[dict[str, Any]] = results["samples"][task.task_name]
    return samples


def _dataset(questions: list[Question], subject: str) -> Dataset:
    """Return them in memory, under the name that the prompt gives the subject."""
    return Dataset.from_list([{**question, "subject": subject} for question in questions])


def _mark(question: Question, answers: list[str]) -> dict[str, float]:
    return {"acc": float(chosen_letter(answers[0]) == question["answer"])}
