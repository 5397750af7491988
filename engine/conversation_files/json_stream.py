"""Reads a JSON file of any size value by value, with bounded memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ijson
from ijson.common import ObjectBuilder

from engine.conversation_files.limits import (
    MAX_CONVERSATION_VALUES,
    MAX_DEPTH,
    MeteredFile,
    not_conversations,
    not_valid,
    too_large,
)

Item = tuple[str | None, Any]


def read_items(path: Path, file: MeteredFile) -> Iterator[Item]:
    """Yield what a JSON file holds, piece by piece.

    Of a list (None, element) for each; of an object (key, value), where a list yields
    (key, element) for each. Raises DataError for anything that is not JSON, or too large.
    """
    events = _events(path, file)
    event, _ = next(events)
    if event == "start_array":
        yield from _elements(path, file, None, events)
    elif event == "start_map":
        for event, key in events:
            if event == "end_map":
                break
            first, value = next(events)
            if first == "start_array":
                yield from _elements(path, file, key, events)
            else:
                yield key, _value(path, first, value, events)
            file.rewind_meter()
    else:
        raise not_conversations(path)
    for _ in events:  # nothing may follow
        pass


def _elements(
    path: Path, file: MeteredFile, key: str | None, events: Iterator[tuple[str, Any]]
) -> Iterator[Item]:
    for event, value in events:
        if event == "end_array":
            return
        yield key, _value(path, event, value, events)
        file.rewind_meter()


def _value(path: Path, event: str, value: Any, events: Iterator[tuple[str, Any]]) -> Any:
    builder = ObjectBuilder()
    depth = count = 0
    while True:
        builder.event(event, value)
        depth += event in ("start_map", "start_array")
        depth -= event in ("end_map", "end_array")
        count += 1
        if depth > MAX_DEPTH or count > MAX_CONVERSATION_VALUES:
            raise too_large(path)
        if not depth:
            return builder.value
        event, value = next(events)


def _events(path: Path, file: MeteredFile) -> Iterator[tuple[str, Any]]:
    try:
        yield from ijson.basic_parse(file, use_float=True)
    except (ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
        raise not_valid(path) from error
