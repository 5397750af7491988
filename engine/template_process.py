"""Chat templates out of a bundle, rendered by a process that may be ended at any time.

Jinja2's sandbox keeps a template from reaching Python, not from working for hours or from
filling the memory. So a child process with little of both renders it, without network or
files to write; what it sends back is text. The child ends with its parent, or when nobody
holds its end of the pipe any more.
"""

import json
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.documents.confinement import allow_time, confine, limit_memory
from engine.errors import BundleError

RENDER_SECONDS = 2
"""Of processor time that one rendering may take; real templates take milliseconds."""
_MAX_CHARACTERS = 10_000_000
_MEMORY = 1 << 29  # the child's address space
_PATIENCE = 60.0  # seconds: a busy machine starts the child late
# What expressions in a template can raise besides Jinja2's own errors.
_TEMPLATE_ERRORS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


class TemplateProcess:
    """A compiled template in a child process. May be used by several threads.

    Raises BundleError where the template is broken, fails, or takes too long.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._connection = self._start()

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the text for `values`, which hold what JSON can say."""
        with self._lock:
            if self._connection.closed:
                self._connection = self._start()
            return self._ask({"values": values})

    def _start(self) -> Connection:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), name="chat-template", daemon=True)
        process.start()
        theirs.close()
        self._connection = ours
        self._ask({"source": self._source})
        return self._connection

    def _ask(self, question: dict[str, Any]) -> str:
        connection = self._connection
        answer: dict[str, str] = {}
        # A child that meets its limits ends, and so does the pipe.
        with suppress(EOFError, OSError):
            limits = {"seconds": RENDER_SECONDS}
            connection.send_bytes(json.dumps(limits | question).encode())
            if connection.poll(_PATIENCE):
                answer = json.loads(connection.recv_bytes())
        if not answer:
            connection.close()
            raise BundleError("The model's chat template takes too much time or memory.")
        if "broken" in answer:
            raise BundleError(
                "The model's chat template is broken: {detail}.", detail=answer["broken"]
            )
        if "error" in answer:
            raise BundleError("The model's chat template failed: {detail}.", detail=answer["error"])
        return answer["text"]


def compile_template(source: str) -> Any:
    """Return a sandboxed template. Raises TemplateError or RecursionError where it is broken."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = _raise_exception
    return environment.from_string(source)


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _serve(connection: Connection) -> None:
    """Answer questions until the pipe is closed; the first one brings the template."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    confine()
    limit_memory(_MEMORY)
    template = None
    with suppress(EOFError, BrokenPipeError):
        while True:
            question = json.loads(connection.recv_bytes())
            allow_time(question["seconds"])
            try:
                if template is None:
                    template, text = compile_template(question["source"]), ""
                else:
                    text = template.render(question["values"])
                if len(text) > _MAX_CHARACTERS:
                    raise ValueError("it produced too much text")
                answer = {"text": text}
            except _TEMPLATE_ERRORS as error:
                outcome = "broken" if template is None else "error"
                answer = {outcome: str(error)[:200] or type(error).__name__}
            connection.send_bytes(json.dumps(answer).encode())
