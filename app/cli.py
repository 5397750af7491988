"""The `geb` command: the window, the terminal chat, models and settings."""

import argparse
import logging
import os
import shlex
import sys
from collections.abc import Container, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from app.cli_words import CommandParser, translate_argparse
from app.display import has_display
from app.errors.log_file import LogFile
from app.opening import open_window
from app.single_instance import Request
from engine import __version__
from engine.api import DEFAULT_PORT
from engine.bundle_paths import named_bundle
from engine.errors import GebError, StoreError
from engine.i18n import set_language, system_language, tr
from engine.paths import log_dir
from engine.settings.file import chosen_language, open_settings
from engine.terminal import ChatOptions, answer_once, chat
from engine.terminal_settings import change_setting, list_settings, show_setting
from engine.terminal_text import notice


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `geb` and return its exit status."""
    set_language(system_language())
    set_language(chosen_language(open_settings()))
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # where it knows no Chinese: question marks
    parser, commands = _parser()
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(_with_open(words, commands))
    _log_to_file()
    try:
        options.model = options.model and named_bundle(options.model)
        status: int = options.run(options)
    except GebError as error:
        notice(error)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has left; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _open_window(options: argparse.Namespace) -> int:
    if not has_display():
        if options.files:
            return _refuse_files(options.files)
        notice(tr("There is no display here, so the chat opens in the terminal."))
        return chat(ChatOptions(model=options.model))
    request = Request(
        files=[file.absolute() for file in options.files],
        model=options.model and options.model.absolute(),
        activation=os.environ.get("XDG_ACTIVATION_TOKEN", ""),
    )
    return open_window(request)


def _refuse_files(files: Sequence[Path]) -> int:
    """Say where files can be asked instead, or that they are not there; return the exit status."""
    there = [file for file in files if _exists(file)]
    for file in files:
        if file not in there:
            notice(tr("There is no file or folder {path}.", path=file))
    if there:
        notice(
            tr(
                'Files cannot be opened without a display; ask them with: geb ask {files} -q "…"',
                files=shlex.join(map(str, there)),
            )
        )
    return 1


def _chat(options: argparse.Namespace) -> int:
    chosen = ChatOptions(
        model=options.model,
        temperature=options.temperature,
        seed=options.seed,
        system=options.system,
        conversation=options.conversation,
    )
    if options.prompt is None:
        if options.json:
            options.parser.error(tr("--json needs --prompt"))
        return chat(chosen)
    if options.json and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # JSON's own, whatever the terminal's is
    return answer_once(options.prompt, chosen, as_json=options.json)


def _ask(options: argparse.Namespace) -> int:
    # Reading documents needs libraries that nothing else does.
    from engine.terminal_ask import ask

    if options.json and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return ask(options.paths, options.question, model=options.model, as_json=options.json)


def _models(options: argparse.Namespace) -> int:
    # Opens models, for which a window has a thread of its own.
    from engine.terminal_models import import_model, list_models, verify_models

    if options.action == "import":
        return import_model(options.folder)
    if options.action == "verify":
        return verify_models(options.folder)
    return list_models()


def _settings(options: argparse.Namespace) -> int:
    if options.name is None:
        return list_settings()
    if options.value is None:
        return show_setting(options.name)
    return change_setting(options.name, options.value)


def _serve(options: argparse.Namespace) -> int:
    # The server's libraries are not needed for anything else.
    from engine.terminal_serve import ServeOptions, print_key, serve

    if options.print_key:
        return print_key()
    return serve(ServeOptions(model=options.model, port=options.port))


def _parser() -> tuple[CommandParser, Container[str]]:
    """Return the parser of everything, and the names of the commands."""
    translate_argparse()
    parser = CommandParser(
        prog="geb",
        description=tr("Chat offline, in Chinese and English. Without a command: in a window."),
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"GEB Chat {__version__}",
        help=tr("show the version and exit"),
    )
    parser.add_argument("--model", type=Path, metavar=tr("MODEL"), help=_model_help())
    parser.set_defaults(run=_open_window, files=[])
    commands = parser.add_subparsers(title=tr("commands"), metavar=tr("COMMAND"))
    _add_open(commands.add_parser("open", help=tr("open files in the window; so does their name")))
    _add_chat(commands.add_parser("chat", help=tr("chat in the terminal")))
    _add_ask(commands.add_parser("ask", help=tr("answer a question from documents")))
    _add_models(
        commands.add_parser("models", help=tr("list the installed models, verify them, or add one"))
    )
    _add_settings(commands.add_parser("settings", help=tr("list the settings, or change one")))
    _add_serve(commands.add_parser("serve", help=tr("answer other programs on this computer")))
    return parser, commands.choices


def _with_open(arguments: Sequence[str], commands: Container[str]) -> list[str]:
    """Let `geb FILE…`, as a desktop calls it, mean `geb open FILE…`, with or without --model."""
    words = list(arguments)
    place = 0
    while place < len(words) and words[place].startswith("-") and words[place] != "--":
        place += 2 if len(words[place]) > 2 and "--model".startswith(words[place]) else 1
    match words[place:]:
        case ["--", _, *_]:  # as everywhere: no option follows, and here no command either
            words.insert(place, "open")
        case [word, *_] if word not in commands and _names_file(word):
            words.insert(place, "open")
    return words


def _names_file(word: str) -> bool:
    """Tell a file, there or not, from a command that was mistyped."""
    return Path(word).name != word or Path(word).suffix != "" or _exists(Path(word))


def _exists(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - where it must not be looked at it is not there


def _add_open(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("files", type=Path, nargs="+", metavar=tr("FILE"), help=tr("what to open"))


def _add_chat(parser: argparse.ArgumentParser) -> None:
    parser.description = tr(
        "Chat in the terminal. The conversations are those of the window. With --prompt the "
        "answer alone is printed, and nothing is stored unless --conversation is given."
    )
    parser.set_defaults(run=_chat, parser=parser)
    add = parser.add_argument
    add("--prompt", metavar=tr("TEXT"), help=tr("answer this message and exit"))
    add("--json", action="store_true", help=tr("with --prompt: print one JSON object"))
    _add_model(parser)
    add("--seed", type=int, metavar="N", help=tr("the same seed gives the same answer"))
    add("--temperature", type=float, metavar="T", help=tr("0 always takes the likeliest word"))
    add("--system", metavar=tr("TEXT"), help=tr("what the model is told before the first message"))
    add(
        "--conversation",
        type=int,
        metavar="ID",
        help=tr("go on with a stored conversation, and store what is added"),
    )


def _add_ask(parser: argparse.ArgumentParser) -> None:
    parser.description = tr(
        "Answer a question from files and folders. What was read is kept, so that the next "
        "question about them is answered sooner."
    )
    parser.set_defaults(run=_ask)
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar=tr("PATH"), help=tr("a file or a folder"))
    add("-q", "--question", required=True, metavar=tr("TEXT"), help=tr("what to answer"))
    add("--json", action="store_true", help=tr("print one JSON object"))
    _add_model(parser)


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_models, action="list")
    actions = parser.add_subparsers(title=tr("commands"), dest="action", metavar=tr("COMMAND"))
    actions.add_parser("list", help=tr("name, size, licence and context of each model"))
    verify = actions.add_parser("verify", help=tr("compare every file with its checksum"))
    verify.add_argument(
        "folder",
        type=Path,
        nargs="?",
        metavar=tr("MODEL"),
        help=tr("this one only: its folder, or the name of an installed one"),
    )
    add = actions.add_parser(
        "import", help=tr("copy a model folder, or export a checkpoint, to the installed models")
    )
    add.add_argument("folder", type=Path, metavar=tr("DIR"), help=tr("the model or checkpoint"))


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.description = tr(
        "List all settings with what they mean, show one, or change one. The window uses the same."
    )
    parser.set_defaults(run=_settings)
    parser.add_argument("name", nargs="?", metavar=tr("NAME"), help=tr("this setting only"))
    parser.add_argument(
        "value",
        nargs="?",
        metavar=tr("VALUE"),
        help=tr("its new value; `default` makes it the usual one again"),
    )


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.description = tr(
        "Answer other programs on this computer over OpenAI's API, until Ctrl-C. Nothing outside "
        "this computer can connect, and a program must show the key."
    )
    parser.set_defaults(run=_serve)
    add = parser.add_argument
    _add_model(parser)
    add(
        "--port",
        type=int,
        metavar="N",
        default=DEFAULT_PORT,
        help=tr("listen on this port instead of %(default)s; 0 takes any free one"),
    )
    add("--print-key", action="store_true", help=tr("print the key and exit"))


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        type=Path,
        metavar=tr("MODEL"),
        default=argparse.SUPPRESS,  # keeps a --model that stands before the command
        help=_model_help(),
    )


def _model_help() -> str:
    return tr("use this model: its folder, or the name of an installed one")


def _log_to_file() -> None:
    """What went wrong unexpectedly goes to a file; where there is none, to stderr."""
    with suppress(StoreError):
        logging.basicConfig(handlers=[LogFile(log_dir() / "geb.log")], level=logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
