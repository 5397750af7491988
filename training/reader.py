"""Fits the reader that finds answers in passages (engine/documents/answering/reader.npz).

    python -m training.reader --data CORPUS --out FILE [--start READER] [--steps N] [--limit N]
        [--model BUNDLE]

A network (training/reader_network.py) learns from people's questions, and from those written for
this project, which span is the answer. On written questions that no model has seen it is then
fitted when there is an answer at all (half of them are asked without their passage), and how much
a bundle's word counts beside it.
"""

import argparse
import io
import itertools
import random
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from engine.bundle import Bundle, default_bundle_path, open_bundle
from engine.document_prompt import ask_about_passage
from engine.documents.answering.extraction import signs
from engine.documents.answering.features import NAMES
from engine.documents.answering.likelihood import answer_likelihoods
from engine.documents.answering.reader import Reader, make_reader, read_weights
from engine.documents.answering.vectors import word_vectors
from engine.errors import DataError
from engine.model import Model
from training.command import command, write_atomically
from training.evaluation.language import LANGUAGES, Language
from training.evaluation.scoring import exact_match, f1
from training.reader_cases import Case, cases
from training.reader_examples import Examples, ReadCase, examples, read_case
from training.reader_network import Network, pad

Weights = dict[str, NDArray[np.generic]]
"""As a language's part of the reader's file names them."""

STEPS = 10000
BATCH = 32
_ALIKE = 8
"""Batches that are drawn together and divided by length."""
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.02
MAX_GRAD_NORM = 1.0
_FIRST = 4000
_FIRST_STEPS = 1000
"""Questions and steps of the network that finds what is hard."""
_MODEL_QUESTIONS = 400
_MODEL_SPANS = 24


@command
def main() -> None:
    """Fit both languages and write one file."""
    parser = argparse.ArgumentParser(
        prog="python -m training.reader", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the corpus' folder")
    parser.add_argument("--out", type=Path, required=True, help="the reader, a .npz file")
    parser.add_argument("--start", type=Path, help="an earlier reader, to go on from")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each language")
    parser.add_argument("--limit", type=int, help="questions of each language")
    parser.add_argument("--model", type=Path, help="the bundle whose word is weighed")
    options = parser.parse_args()
    for name in ("limit", "steps"):
        if (count := getattr(options, name)) is not None and count < 1:
            raise DataError("--{name} must be at least 1, not {count}.", name=name, count=count)
    bundle = open_bundle(options.model or default_bundle_path())
    weights: dict[str, NDArray[np.generic]] = {"names": np.array(NAMES)}
    starts: dict[Language, Weights] = {}
    if options.start is not None:
        starts = {language: _start(options.start, language) for language in LANGUAGES}
    for language in LANGUAGES:
        torch.manual_seed(0)
        some = list(cases(options.data, language))
        random.Random(0).shuffle(some)  # noqa: S311 - sampling, not secrecy
        start = starts.get(language)
        fitted = _fit(some[: options.limit], language, bundle, options.steps, start)
        weights |= {f"{language}_{name}": values for name, values in fitted.items()}
    written = io.BytesIO()
    np.savez_compressed(written, **weights)  # type: ignore[arg-type]
    write_atomically(options.out, written.getvalue())


def _start(path: Path, language: Language) -> Weights:
    """Return the weights of an earlier reader. Raises DataError if no network fits them."""
    try:
        weights = read_weights(path, language)
        _load(Network(word_vectors(language).all), weights)
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise DataError("{path} holds no reader to go on from.", path=path) from error
    return weights


def _fit(
    some: Sequence[Case], language: Language, bundle: Bundle, steps: int, start: Weights | None
) -> Weights:
    """Return a language's weights, named as in the reader's file."""
    unseen = [case for case in some if case.held_out]
    if not unseen:
        raise DataError(
            "{language}: {count} questions are too few to fit a reader.",
            language=language,
            count=len(some),
        )
    learned = [case for case in some if not case.held_out]
    # What is hard to tell from the answer is what there is most to learn from: the reader to go on
    # from finds it, or a first network, which knows only what is wrong by chance.
    judge = start
    if judge is None:
        judge = _weights(_train(examples(learned[:_FIRST], language), language, _FIRST_STEPS))
    seen = examples(learned, language, make_reader(judge, language))
    weights = _weights(_train(seen, language, steps, start))
    reader = make_reader(weights, language)
    held = [read_case(case, case.passages, language) for case in unseen]
    _report(language, reader, held)
    judging = _fit_judge(reader, held, unseen, language)
    model_weights = np.array(_weigh_model(reader, held, language, bundle), np.float32)
    return weights | {"judging": judging, "weights": model_weights}


def _train(
    learned: Examples, language: Language, steps: int, start: Weights | None = None
) -> Network:
    """Return a network that has learned which spans are right, from fresh weights or others."""
    network = Network(word_vectors(language).all)
    rate = LEARNING_RATE
    if start is not None:
        _load(network, start)
        rate /= 2  # what is learned is to stay
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for chosen in tqdm(_batches(learned, steps), total=steps, desc=f"{language} steps"):
        wanted = torch.from_numpy(learned.worth[chosen])
        scores = network(
            pad([learned.questions[place] for place in chosen]),
            pad([learned.texts[place] for place in chosen]),
            torch.from_numpy(learned.ends[chosen].astype(np.int64)),
            torch.from_numpy(learned.values[chosen].astype(np.float32)),
        )
        logs = torch.log_softmax(scores.masked_fill(wanted < 0, -1e9), -1)
        # The right spans together are to be likely, whichever of them it is.
        loss = -torch.logsumexp(logs + torch.log(wanted.clamp(min=0) + 1e-9), -1).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), MAX_GRAD_NORM)
        optimizer.step()
        schedule.step()
    return network.eval()


def _batches(learned: Examples, steps: int) -> Iterator[list[int]]:
    """Yield `steps` times BATCH questions with texts of about the same length: less to fill up."""
    lengths = np.array([len(text.places) for text in learned.texts])
    batches: list[list[int]] = []
    for _ in range(steps):
        if not batches:
            drawn = torch.randint(len(lengths), (BATCH * _ALIKE,)).numpy()
            drawn = drawn[lengths[drawn].argsort()].reshape(_ALIKE, BATCH)
            batches = drawn[torch.randperm(_ALIKE).numpy()].tolist()
        yield batches.pop()


def _load(network: Network, start: Weights) -> None:
    """Give a network these weights. Raises KeyError or RuntimeError if they are of another."""
    network.load_state_dict({name: torch.from_numpy(start[name]) for name in network.state_dict()})


def _weights(network: Network) -> Weights:
    weights: Weights = {
        name: values.numpy().astype(np.float16) for name, values in network.state_dict().items()
    }
    return weights | {"judging": np.zeros(6, np.float32), "weights": np.zeros(2, np.float32)}


def _report(language: Language, reader: Reader, held: Sequence[ReadCase]) -> None:
    picked = [int(reader.score(one.scene, one.spans).spans.argmax()) for one in held]
    best = [(one.texts[place], one.case.answer) for one, place in zip(held, picked, strict=True)]
    em = np.mean([exact_match(text, [answer], language) for text, answer in best])
    score = np.mean([f1(text, [answer], language) for text, answer in best])
    reach = 100 * np.mean([one.worth.max() == 1 for one in held])
    print(
        f"{language}: {len(held)} held out, EM {em:.1f}, F1 {score:.1f}, within reach {reach:.1f}"
    )


def _fit_judge(
    reader: Reader, held: Sequence[ReadCase], some: Sequence[Case], language: Language
) -> NDArray[np.float32]:
    """Fit when there is an answer: logistic regression over `extraction.signs`."""
    absent = (read_case(case, case.without, language) for case in some)
    rows = [
        signs(one.scene, one.spans, reader.score(one.scene, one.spans))
        for one in itertools.chain(held, absent)
    ]
    there = np.array([1.0] * len(held) + [0.0] * len(some))
    values = torch.tensor(np.column_stack([np.array(rows), np.ones(len(rows))]))
    weights = torch.zeros(values.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200)

    def loss() -> float:
        optimizer.zero_grad()
        odds = values @ weights
        value = torch.nn.functional.binary_cross_entropy_with_logits(odds, torch.tensor(there))
        value = value + 1e-3 * weights.square().sum()
        value.backward()
        return float(value.detach())

    optimizer.step(loss)
    odds = (values @ weights).detach().numpy()
    for bound in (0.1, 0.15, 0.2, 0.3):
        kept = (odds > np.log(bound / (1 - bound))).astype(float)
        answered, refused = kept[there == 1].mean(), 1 - kept[there == 0].mean()
        print(f"{language}: from {bound}: {answered:.0%} answered, {refused:.0%} refused rightly")
    return weights.detach().numpy().astype(np.float32)


def _weigh_model(
    reader: Reader, held: Sequence[ReadCase], language: Language, bundle: Bundle
) -> tuple[float, float]:
    """Return the weights of the model's word, and of its word without the passage, by trial."""
    model = Model(bundle)
    asked = []
    for one in tqdm(held[:_MODEL_QUESTIONS], desc=f"{language} model"):
        scores = reader.score(one.scene, one.spans).spans.astype(np.float64)
        best = np.argsort(-scores)[:_MODEL_SPANS]
        number = one.scene.sentences[one.spans.sentence[best[0]]].passage
        same = [
            int(place)
            for place in best
            if one.scene.sentences[one.spans.sentence[place]].passage == number
        ]
        texts = [one.texts[place] for place in same]
        question = one.case.question
        prompts = (
            ask_about_passage(one.case.passages[number][:1200], question, language),
            question,
        )
        encoded = [
            bundle.chat_template.encode([{"role": "user", "content": prompt}]) for prompt in prompts
        ]
        if len(encoded[0]) + 96 <= model.context_length:
            logs = [answer_likelihoods(model, bundle, ids, texts) for ids in encoded]
            right = [f1(text, [one.case.answer], language) for text in texts]
            asked.append((scores[same], *logs, np.array(right)))

    def quality(weights: tuple[float, float]) -> float:
        word, prior = weights
        return float(np.mean([r[(s + word * (m - prior * p)).argmax()] for s, m, p, r in asked]))

    tried = itertools.product((0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0), (0.0, 0.5, 1.0))
    chosen = max(tried, key=quality)
    alone, together = quality((0.0, 0.0)), quality(chosen)
    print(f"{language}: F1 {alone:.1f} without {bundle.name}, {together:.1f} with it: {chosen}")
    return chosen


if __name__ == "__main__":
    main()
