"""The tokenizer: `python -m training.tokenizer --config NAME --data DIR --out DIR`.

Learns a bilingual SentencePiece BPE vocabulary from the records under --data, or takes an
existing one (--tokenizer FILE), writes `tokenizer.model` to --out and encodes every record into
token shards.
"""

import argparse
import io
import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import sentencepiece as spm

from engine.errors import ConfigError, DataError
from engine.tokenizer import Tokenizer
from training.command import command, write_atomically
from training.records import bad_record, read_lines, record_files
from training.settings import TokenizerSettings, load_settings
from training.shards import write_shards

ROLE_TOKENS = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
_LONGEST_SENTENCE = 4000
_FILES_AT_ONCE = 8
"""Of each source, read in turns by the sample."""


def sample_text(data: Path, megabytes: float) -> Iterator[str]:
    """Yield about so much pretraining text by lines, as much from each source while it lasts.

    What a small source lacks the others give. Raises DataError if there are no records.
    """
    files = record_files(data, "pretrain")
    if not files:
        raise DataError("There are no records in {folder}; run training.data first.", folder=data)
    sources = {name: _texts_of_all(paths) for name, paths in files.items()}
    taken = dict.fromkeys(sources, 0)
    while sources and sum(taken.values()) < megabytes * 1e6:
        name = min(sources, key=lambda source: taken[source])
        text = next(sources[name], None)
        if text is None:
            del sources[name]
            continue
        taken[name] += len(text.encode("utf-8", "replace"))
        for line in text.split("\n"):
            if line:
                yield line[:_LONGEST_SENTENCE]


def _texts_of_all(paths: list[Path]) -> Iterator[str]:
    """Yield texts from files spread over the whole list, one of each by turns."""
    groups = -(-len(paths) // _FILES_AT_ONCE)
    for first in range(groups):
        for texts in zip_longest(*map(_texts, paths[first::groups])):
            yield from (text for text in texts if text is not None)


def _texts(path: Path) -> Iterator[str]:
    for number, line in enumerate(read_lines(path), 1):
        try:
            text: str = json.loads(line)["text"]
        except (ValueError, KeyError, TypeError) as error:
            raise bad_record(path, number, "pretrain", error) from error
        yield text


def train_tokenizer(texts: Iterator[str], settings: TokenizerSettings) -> bytes:
    """Return a SentencePiece model that any Unicode string survives unchanged.

    Identity normalisation, no dummy prefix, byte fallback; role tokens are control symbols,
    which no text encodes to.
    """
    model = io.BytesIO()
    try:
        spm.SentencePieceTrainer.train(
            sentence_iterator=texts,
            model_writer=model,
            model_type="bpe",
            vocab_size=settings.vocab_size,
            character_coverage=settings.character_coverage,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
            split_digits=True,
            byte_fallback=True,
            max_sentence_length=16 * _LONGEST_SENTENCE,
            control_symbols=list(ROLE_TOKENS),
            unk_id=0,
            bos_id=1,
            eos_id=2,
            pad_id=3,
            pad_piece="<pad>",
            num_threads=2,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise DataError(
            "No vocabulary of {size} pieces can be learnt from this text: {detail}",
            size=settings.vocab_size,
            detail=error,
        ) from error
    return model.getvalue()


def read_tokenizer(path: Path) -> Tokenizer:
    """Open an existing vocabulary. Raises ConfigError if it lacks the tokens of conversations."""
    tokenizer = Tokenizer(path)
    if missing := [t for t in ("<s>", "</s>", *ROLE_TOKENS) if t not in tokenizer.control_tokens]:
        raise ConfigError(
            "The tokenizer {path} lacks the control tokens {names}.",
            path=path,
            names=", ".join(missing),
        )
    return tokenizer


@command
def main() -> None:
    """Read the command line, train or take a tokenizer, encode."""
    arguments = _parse()
    if arguments.tokenizer:
        model = read_tokenizer(arguments.tokenizer).serialized()
    else:
        settings = load_settings(arguments.config).tokenizer
        model = train_tokenizer(sample_text(arguments.data, settings.sample_megabytes), settings)
    write_atomically(arguments.out / "tokenizer.model", model)
    tokenizer = Tokenizer(arguments.out / "tokenizer.model")
    write_shards(arguments.data, tokenizer, arguments.workers)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.tokenizer", description=__doc__)
    vocabulary = parser.add_mutually_exclusive_group(required=True)
    vocabulary.add_argument("--config", help="training/configs/NAME.toml or a file")
    vocabulary.add_argument("--tokenizer", type=Path, help="a tokenizer.model to encode with")
    parser.add_argument("--data", type=Path, required=True, help="what training.data wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1, help="processes that encode")
    arguments = parser.parse_args()
    if arguments.workers < 1:
        parser.error("--workers must be at least 1")
    return arguments


if __name__ == "__main__":
    main()
