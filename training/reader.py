"""Fits the reader that finds answers in passages (engine/documents/answering/reader.npz).

    python -m training.reader --data CORPUS --out FILE [--limit N] [--model BUNDLE]

Networks with one hidden layer learn from people's questions, and from those written for this
project, which span is the answer. Their mean is the reader. On written questions that no model has
seen it is then fitted when there is an answer at all (half of them are asked without their
passage), and how much a bundle's word counts beside it.
"""

import argparse
import io
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from engine.bundle import Bundle, default_bundle_path, open_bundle
from engine.document_prompt import ask_about_passage
from engine.documents.answering.extraction import MOST_SENTENCES, best_sentences, signs
from engine.documents.answering.features import NAMES, Scene, Spans, read_scene, spans_of
from engine.documents.answering.likelihood import answer_likelihoods
from engine.documents.answering.question import read_question
from engine.documents.answering.reader import Reader
from engine.documents.answering.spans import read_sentences
from engine.errors import DataError
from engine.model import Model
from training.command import command, write_atomically
from training.evaluation.language import LANGUAGES, Language
from training.evaluation.scoring import exact_match, f1
from training.reader_cases import Case, cases

NETWORKS = 4
"""So many begin with other weights; together they are wrong less often."""
HIDDEN = 128
STEPS = 5000
BATCH = 32
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 0.02
DROPOUT = 0.2
_ROWS = 192
"""Spans of a question that a step sees: the right ones and as many of the others, by chance."""
_NEAR = 60.0
"""F1 from which a span is partly right."""
_NEAR_WEIGHT = 0.3
_MODEL_QUESTIONS = 400
_MODEL_SPANS = 24


@dataclass
class _Read:
    """A case with the spans of what was found."""

    case: Case
    scene: Scene
    spans: Spans
    texts: list[str]
    worth: NDArray[np.float32]
    """How right each span is, 0 to 1."""


@command
def main() -> None:
    """Fit both languages and write one file."""
    parser = argparse.ArgumentParser(
        prog="python -m training.reader", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the corpus' folder")
    parser.add_argument("--out", type=Path, required=True, help="the reader, a .npz file")
    parser.add_argument("--limit", type=int, help="questions of each language")
    parser.add_argument("--model", type=Path, help="the bundle whose word is weighed")
    options = parser.parse_args()
    if options.limit is not None and options.limit < 1:
        raise DataError("--limit must be at least 1, not {limit}.", limit=options.limit)
    bundle = open_bundle(options.model or default_bundle_path())
    weights: dict[str, NDArray[np.generic]] = {"names": np.array(NAMES)}
    for language in LANGUAGES:
        torch.manual_seed(0)
        some = list(cases(options.data, language))
        random.Random(0).shuffle(some)  # noqa: S311 - sampling, not secrecy
        fitted = _fit(some[: options.limit], language, bundle)
        weights |= {f"{language}_{name}": values for name, values in fitted.items()}
    written = io.BytesIO()
    np.savez_compressed(written, **weights)  # type: ignore[arg-type]
    write_atomically(options.out, written.getvalue())


def _fit(
    some: Sequence[Case], language: Language, bundle: Bundle
) -> dict[str, NDArray[np.float32]]:
    unseen = [case for case in some if case.held_out]
    if not unseen:
        raise DataError(
            "{language}: {count} questions are too few to fit a reader.",
            language=language,
            count=len(some),
        )
    learned = [case for case in some if not case.held_out]
    rows, worth = _training_rows(learned, language)
    values, wanted = torch.from_numpy(rows), torch.from_numpy(worth)
    networks = [list(_train(values, wanted).parameters()) for _ in range(NETWORKS)]
    hidden, hidden_bias, output = (
        torch.cat(some, dim).detach().numpy()
        for some, dim in zip(zip(*networks, strict=True), (0, 0, 1), strict=True)
    )
    reader = Reader(
        hidden=hidden.T.copy(),
        hidden_bias=hidden_bias,
        output=output[0] / NETWORKS,
        judging=np.zeros(5, np.float32),
        model_weight=0.0,
        prior_weight=0.0,
    )
    held = [_read(case, case.passages, language) for case in unseen]
    _report(language, reader, held)
    judging = _fit_judge(reader, held, unseen, language)
    model_weights = _weigh_model(reader, held, language, bundle)
    return {
        "hidden": reader.hidden,
        "hidden_bias": reader.hidden_bias,
        "output": reader.output,
        "judging": judging,
        "weights": np.array(model_weights, np.float32),
    }


def _read(case: Case, passages: Sequence[str], language: Language) -> _Read:
    question = read_question(case.question)
    sentences = read_sentences(passages)
    scene = read_scene(question, sentences)
    spans = spans_of(scene, best_sentences(scene)[:MOST_SENTENCES])
    texts = []
    for number, first, end in zip(spans.sentence, spans.first, spans.end, strict=True):
        sentence = sentences[number]
        text = passages[sentence.passage]
        texts.append(text[sentence.words[first].start : sentence.words[end - 1].end])
    worth = np.array([_worth(text, case.answer, language) for text in texts], np.float32)
    return _Read(case, scene, spans, texts, worth)


def _worth(text: str, answer: str, language: Language) -> float:
    if text not in answer and answer not in text:
        return 0.0
    if exact_match(text, [answer], language):
        return 1.0
    near = f1(text, [answer], language)
    return _NEAR_WEIGHT * (near / 100) ** 4 if near >= _NEAR else 0.0


def _training_rows(
    some: Sequence[Case], language: Language
) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Return features [questions, rows, NAMES] and worth [questions, rows]; -1 where no span is."""
    generator = np.random.default_rng(0)
    rows = np.zeros((len(some), _ROWS, len(NAMES)), np.float16)
    worth = np.full((len(some), _ROWS), -1, np.float32)
    count = 0
    for case in tqdm(some, desc=f"{language} features"):
        read = _read(case, case.passages, language)
        if not read.worth.any():
            continue
        right = np.argsort(-read.worth)[: min(16, int((read.worth > 0).sum()))]
        wrong = np.flatnonzero(read.worth == 0)
        generator.shuffle(wrong)
        chosen = np.concatenate([right, wrong])[:_ROWS]
        rows[count, : len(chosen)] = read.spans.values[chosen]
        worth[count, : len(chosen)] = read.worth[chosen] / read.worth.max()
        count += 1
    return rows[:count], worth[:count]


def _train(rows: torch.Tensor, worth: torch.Tensor) -> torch.nn.Sequential:
    network = torch.nn.Sequential(
        torch.nn.Linear(rows.shape[-1], HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Dropout(DROPOUT),
        torch.nn.Linear(HIDDEN, 1, bias=False),
    )
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
    for _ in tqdm(range(STEPS), desc="steps"):
        chosen = torch.randint(len(rows), (BATCH,))
        wanted = worth[chosen]
        scores = network(rows[chosen].float()).squeeze(-1)
        logs = torch.log_softmax(scores.masked_fill(wanted < 0, -1e9), -1)
        # The right spans together are to be likely, whichever of them it is.
        loss = -torch.logsumexp(logs + torch.log(wanted.clamp(min=0) + 1e-9), -1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def _report(language: Language, reader: Reader, held: Sequence[_Read]) -> None:
    picked = [int(reader.score(read.spans.values).argmax()) for read in held]
    best = [(read.texts[place], read.case.answer) for read, place in zip(held, picked, strict=True)]
    em = np.mean([exact_match(text, [answer], language) for text, answer in best])
    score = np.mean([f1(text, [answer], language) for text, answer in best])
    reach = 100 * np.mean([read.worth.max() == 1 for read in held])
    print(
        f"{language}: {len(held)} held out, EM {em:.1f}, F1 {score:.1f}, within reach {reach:.1f}"
    )


def _fit_judge(
    reader: Reader, held: Sequence[_Read], some: Sequence[Case], language: Language
) -> NDArray[np.float32]:
    """Fit when there is an answer: logistic regression over `extraction.signs`."""
    absent = (_read(case, case.without, language) for case in some)
    rows = [
        signs(read.scene, read.spans, reader.score(read.spans.values))
        for read in itertools.chain(held, absent)
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
    for bound in (0.2, 0.3, 0.4, 0.5):
        kept = (odds > np.log(bound / (1 - bound))).astype(float)
        answered, refused = kept[there == 1].mean(), 1 - kept[there == 0].mean()
        print(f"{language}: from {bound}: {answered:.0%} answered, {refused:.0%} refused rightly")
    return weights.detach().numpy().astype(np.float32)


def _weigh_model(
    reader: Reader, held: Sequence[_Read], language: Language, bundle: Bundle
) -> tuple[float, float]:
    """Return the weights of the model's word, and of its word without the passage, by trial."""
    model = Model(bundle)
    asked = []
    for read in tqdm(held[:_MODEL_QUESTIONS], desc=f"{language} model"):
        scores = reader.score(read.spans.values).astype(np.float64)
        best = np.argsort(-scores)[:_MODEL_SPANS]
        number = read.scene.sentences[read.spans.sentence[best[0]]].passage
        same = [
            int(place)
            for place in best
            if read.scene.sentences[read.spans.sentence[place]].passage == number
        ]
        texts = [read.texts[place] for place in same]
        question = read.case.question
        prompts = (
            ask_about_passage(read.case.passages[number][:1200], question, language),
            question,
        )
        encoded = [
            bundle.chat_template.encode([{"role": "user", "content": prompt}]) for prompt in prompts
        ]
        if len(encoded[0]) + 96 <= model.context_length:
            logs = [answer_likelihoods(model, bundle, ids, texts) for ids in encoded]
            right = [f1(text, [read.case.answer], language) for text in texts]
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
