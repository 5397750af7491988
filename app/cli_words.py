"""argparse in the user's language, each command with a usage of its own."""

import argparse
from collections.abc import Iterable
from typing import Any

from engine.i18n import tr


class CommandParser(argparse.ArgumentParser):
    """Refuses what it does not know below its own usage, not below that of the whole program."""

    def parse_known_args(
        self, args: Iterable[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Return the options; what is unknown ends the program here, in the command's parser."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(tr("unknown argument %s") % " ".join(unknown))
        return options, unknown


def translate_argparse() -> None:
    """Make argparse speak the language in use. It looks its words up by the name `_`."""
    words = {
        "usage: ": tr("usage: "),
        "options": tr("options"),
        "positional arguments": tr("positional arguments"),
        "show this help message and exit": tr("show this help and exit"),
        "%(prog)s: error: %(message)s\n": "%(prog)s: %(message)s\n",
        "argument %(argument_name)s: %(message)s": tr("%(argument_name)s: %(message)s"),
        "unrecognized arguments: %s": tr("unknown argument %s"),
        "the following arguments are required: %s": tr("%s is missing"),
        "expected one argument": tr("a value is missing"),
        "invalid %(type)s value: %(value)r": tr("%(value)r is not a number"),
        "invalid choice: %(value)r (choose from %(choices)s)": tr(
            "%(value)r is none of %(choices)s"
        ),
        "ambiguous option: %(option)s could match %(matches)s": tr(
            "%(option)s may mean %(matches)s"
        ),
        "ignored explicit argument %r": tr("no value is wanted, but there is %r"),
    }
    vars(argparse)["_"] = lambda message: words.get(message, message)
