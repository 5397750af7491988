"""A program: one target under atheris (see run.py, which starts it).

python tests/fuzz/fuzz.py TARGET [libFuzzer's options] CORPUS…
"""

import logging
import sys
from collections.abc import Callable
from functools import partial

import atheris
from mutators import spoil_archive, spoil_json

with atheris.instrument_imports(include=["engine", "jinja2"], enable_loader_override=False):
    import targets

_MUTATORS: dict[str, Callable[..., bytes]] = {
    **dict.fromkeys(("docx", "pptx", "xlsx", "odt", "epub"), spoil_archive),
    **dict.fromkeys(("tokenizer-json", "conversations", "settings", "request"), spoil_json),
    "bundle": partial(spoil_json, prefix=1),
}


def _change(data: bytes, size: int) -> bytes:
    return bytes(atheris.Mutate(data, size))


def main() -> None:
    """Run a target until its time is over."""
    name = sys.argv.pop(1)
    logging.disable()  # what is refused is refused often
    options = {}
    if (mutate := _MUTATORS.get(name)) is not None:
        options["custom_mutator"] = lambda data, size, seed: mutate(_change, data, size, seed)
    atheris.Setup(sys.argv, targets.TARGETS[name], **options)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
