"""The sample texts that a model is calibrated and measured on, bundled in export/text."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import DataError
from export.chat_format import ChatFormat

_FOLDER = Path(__file__).parent / "text"
CALIBRATION = _FOLDER / "calibration.jsonl"
HELDOUT = _FOLDER / "heldout.jsonl"


@dataclass(frozen=True)
class Sample:
    """One text as token ids, opened as the model expects it (and cut to a length)."""

    language: str
    token_ids: list[int]


def read_samples(
    path: Path,
    chat: ChatFormat,
    max_length: int,
    *,
    tokens_per_language: float = float("inf"),
) -> list[Sample]:
    """Return the texts of a JSON Lines file of {"lang", "text"} or {"lang", "messages"}.

    Conversations are written in the checkpoint's chat template. Texts longer than `max_length`
    tokens become several samples; of each language the first `tokens_per_language` or a little
    more are taken. Raises DataError for a line that is neither, or an empty file.
    """
    start = list(chat.start_ids)
    samples: list[Sample] = []
    taken: dict[str, int] = {}
    for number, line in enumerate(_lines(path), 1):
        try:
            record = json.loads(line)
            language = str(record["lang"])
            if taken.get(language, 0) >= tokens_per_language:
                continue
            if "messages" in record:
                ids = chat.template.encode(record["messages"], add_generation_prompt=False)
                ids = ids[len(start) :] if ids[: len(start)] == start else ids
            else:
                ids = chat.tokenizer.encode(record["text"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                'Line {number} of {path} must be a JSON object with "lang" and "text" or'
                ' "messages".',
                number=number,
                path=path,
            ) from error
        step = max_length - len(start)
        room = int(min(len(ids), tokens_per_language - taken.get(language, 0)))
        for first in range(0, room, step):
            samples.append(Sample(language, [*start, *ids[first : first + step]]))
            taken[language] = taken.get(language, 0) + len(samples[-1].token_ids) - len(start)
    if not samples:
        raise DataError("{path} holds no text.", path=path)
    return samples


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        yield from lines
