"""`geb serve`: the model as a server for other programs on this computer."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from engine.api.key import key_path, read_key
from engine.api.server import ApiServer
from engine.bundle_paths import find_bundle
from engine.errors import GebError
from engine.i18n import tr
from engine.safe_mode import require_trusted
from engine.settings.answer import answer_settings
from engine.settings.file import open_settings
from engine.terminal_inbox import Inbox, wait_for_model
from engine.terminal_text import notice, say
from engine.worker import EngineWorker


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What the command line says."""

    model: Path | None
    port: int


def print_key() -> int:
    """Print the key alone, for use in a script; return the exit status."""
    try:
        say(read_key())
    except GebError as error:
        notice(error)
        return 1
    return 0


def serve(options: ServeOptions) -> int:
    """Answer other programs until Ctrl-C; return the exit status."""
    inbox = Inbox()
    try:
        settings = open_settings()
        for problem in settings.problems:
            notice(problem)
        defaults = answer_settings(settings, {})
        model = options.model or require_trusted(find_bundle(defaults.model))
        key = read_key()
        with closing(EngineWorker(inbox.put)) as worker:
            server = ApiServer(worker, key, options.port)
            server.start()  # a taken port is told before a large model is read
            try:
                worker.load(
                    model, num_threads=defaults.threads, context_length=defaults.context_length
                )
                loaded = wait_for_model(inbox)
                say(tr("Address: {address}", address=server.address))
                say(tr("Model: {model}", model=loaded.name))
                say(tr("Key: in {path}; `geb serve --print-key` prints it", path=key_path()))
                notice(tr("Ready for programs on this computer only. Ctrl-C ends it."))
                with inbox.ctrl_c():
                    while inbox.get() is not None:
                        pass
            finally:
                server.stop()
    except GebError as error:
        notice(error)
        return 1
    return 0
