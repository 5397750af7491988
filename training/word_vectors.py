"""Computes the vectors of words by which the reader tells what is alike.

    python -m training.word_vectors --data DIR --out engine/documents/answering/vectors.npz

DIR is what `training.data` wrote from a recipe. A word's row counts the words around it, as
positive pointwise mutual information, and its leading singular vectors are what is kept (Levy,
Goldberg and Dagan 2015). Some two minutes for both languages.
"""

import argparse
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from engine.documents.answering.question import stem
from engine.documents.answering.words import words_of
from engine.errors import DataError
from training.command import command, write_atomically
from training.evaluation.language import LANGUAGES, Language

WORDS = 12_000
CONTEXTS = 5_000
"""So many of the commonest words are counted around others."""
SIZE = 48
FEWEST = 5
"""Rarer words have no vector."""
_REACH = 4
"""Words on each side; one at distance d counts 1 / d."""
_SMOOTHED = 0.75
"""The exponent of how common a context is: rare ones would weigh too much."""
_MOST_CHARACTERS = 15_000_000
"""Of a source: so that none has its say alone."""
_SPARE = 16
_ROUNDS = 3


@command
def main() -> None:
    """Compute both languages and write one file."""
    parser = argparse.ArgumentParser(
        prog="python -m training.word_vectors", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="what training.data wrote")
    parser.add_argument("--out", type=Path, required=True, help="the vectors, a .npz file")
    options = parser.parse_args()
    torch.manual_seed(0)
    arrays: dict[str, NDArray[np.generic]] = {}
    for language in LANGUAGES:
        words, vectors = compute_vectors(_texts(options.data, language), language)
        listed = "\n".join(words).encode("utf-8")
        arrays[f"{language}_words"] = np.frombuffer(listed, np.uint8)
        arrays[f"{language}_values"] = vectors
    written = io.BytesIO()
    np.savez_compressed(written, **arrays)  # type: ignore[arg-type]
    write_atomically(options.out, written.getvalue())


def compute_vectors(texts: Iterator[str], language: Language) -> tuple[list[str], NDArray[np.int8]]:
    """Return the commonest stems and their vectors, int8 [words, SIZE], each as long as fits.

    Raises DataError where the texts hold too few words.
    """
    sentences: list[list[str]] = []
    common: Counter[str] = Counter()
    for text in tqdm(texts, desc=f"{language} texts", unit="text"):
        for line in text.split("\n"):
            stems = [stem(word.text) for word in words_of(line)]
            if len(stems) > 1:
                sentences.append(stems)
                common.update(stems)
    words = [word for word, count in common.most_common(WORDS) if count >= FEWEST]
    if len(words) <= SIZE + _SPARE:
        raise DataError(
            "{language}: {count} words are too few for vectors.",
            language=language,
            count=len(words),
        )
    information = torch.from_numpy(_information(sentences, words))
    left, strength, _ = torch.svd_lowrank(information, q=SIZE + _SPARE, niter=_ROUNDS)
    vectors = left[:, :SIZE] * strength[:SIZE].sqrt()
    vectors -= vectors.mean(0)
    vectors *= 127 / vectors.abs().amax(1, keepdim=True).clamp(min=1e-6)
    return words, vectors.round().to(torch.int8).numpy()


def _information(sentences: Sequence[list[str]], words: Sequence[str]) -> NDArray[np.float32]:
    """Return the positive pointwise mutual information of words and contexts, in nats."""
    place = {word: number for number, word in enumerate(words)}
    contexts = min(CONTEXTS, len(words))
    counts = np.zeros((len(words), contexts), np.float32)
    for stems in tqdm(sentences, desc="counts", unit="line"):
        places = np.array([place.get(one, -1) for one in stems])
        for distance in range(1, min(_REACH, len(places) - 1) + 1):
            for word, context in (
                (places[:-distance], places[distance:]),
                (places[distance:], places[:-distance]),
            ):
                known = (word >= 0) & (context >= 0) & (context < contexts)
                np.add.at(counts, (word[known], context[known]), 1 / distance)
    share = counts.sum(0) ** _SMOOTHED
    share /= share.sum()
    of_word = np.maximum(counts.sum(1, keepdims=True), 1e-9)
    ratio = counts / of_word / np.maximum(share, 1e-9)
    information: NDArray[np.float32] = np.log(np.maximum(ratio, 1)).astype(np.float32)
    return information


def _texts(data: Path, language: Language) -> Iterator[str]:
    """Yield the texts of a language. Raises DataError where there are none."""
    paths = sorted((data / "pretrain").glob("*.jsonl"))
    if not paths:
        raise DataError("There are no records in {folder}; run training.data first.", folder=data)
    for path in paths:
        size = 0
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                size += len(line)
                record = json.loads(line)
                if size > _MOST_CHARACTERS:
                    break
                if record["lang"] == language:
                    yield record["text"]


if __name__ == "__main__":
    main()
