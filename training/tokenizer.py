"""The tokenizer: `python -m training.tokenizer --config NAME --data DIR --out DIR`.

Learns a bilingual SentencePiece BPE vocabulary from the records under --data, writes
`tokenizer.model` to --out and encodes every record into token shards.
"""

import argparse
import io
import json
from collections.abc import Iterator
from pathlib import Path

import sentencepiece as spm

from engine.errors import DataError
from engine.tokenizer import Tokenizer
from training.command import command, write_atomically
from training.settings import TokenizerSettings, load_settings
from training.shards import write_shards

ROLE_TOKENS = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
_LONGEST_SENTENCE = 4000


def sample_text(data: Path, megabytes: float) -> Iterator[str]:
    """Yield about so much pretraining text, as much from each source while it lasts."""
    paths = sorted(data.glob("pretrain/*.jsonl"))
    if not paths:
        raise DataError("There are no records in {folder}; run training.data first.", folder=data)
    budget = megabytes * 1e6 / len(paths)
    for path in paths:
        left = budget
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                for part in json.loads(line)["text"].split("\n"):
                    left -= len(part.encode())
                    if part:
                        yield part[:_LONGEST_SENTENCE]
                if left <= 0:
                    break


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


@command
def main() -> None:
    """Read the command line, train, encode."""
    parser = argparse.ArgumentParser(prog="python -m training.tokenizer", description=__doc__)
    parser.add_argument("--config", required=True, help="training/configs/NAME.toml or a file")
    parser.add_argument("--data", type=Path, required=True, help="what training.data wrote")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    settings = load_settings(arguments.config).tokenizer
    model = train_tokenizer(sample_text(arguments.data, settings.sample_megabytes), settings)
    write_atomically(arguments.out / "tokenizer.model", model)
    write_shards(arguments.data, Tokenizer(arguments.out / "tokenizer.model"))


if __name__ == "__main__":
    main()
