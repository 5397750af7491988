"""The server: one socket on the loopback address and one thread, from `start` to `stop`."""

import errno
import logging
import socket
import threading

import uvicorn

from engine.api import DEFAULT_PORT
from engine.api.answers import Answers
from engine.api.app import Api
from engine.api.errors import ApiError
from engine.worker import EngineWorker

LOOPBACK = "127.0.0.1"
MAX_REQUESTS = 8
"""Requests that wait or are being answered; whoever sits at the window waits behind them."""
_STOP_SECONDS = 1
_BACKLOG = 32


class ApiServer:
    """Lets programs on this computer ask the model of `worker`, in the same queue as all others.

    Off until `start`; may be started again after `stop`. Stop it before the worker is closed.
    `start` and `stop` belong to one thread.
    """

    def __init__(
        self,
        worker: EngineWorker,
        key: str,
        port: int = DEFAULT_PORT,
        *,
        max_requests: int = MAX_REQUESTS,
    ) -> None:
        self._worker = worker
        self._key = key
        self._port = port
        self._max_requests = max_requests
        self._running: _Running | None = None

    @property
    def address(self) -> str | None:
        """What a program takes as its base URL while the server runs, else None."""
        if self._running is None:
            return None
        return f"http://{LOOPBACK}:{self._running.port}/v1"

    def start(self) -> None:
        """Listen, and return at once; port 0 takes any free one. Raises ApiError."""
        if self._running is None:
            listener = _listen(self._port)
            answers = Answers(self._worker, self._max_requests)
            self._running = _Running(listener, answers, Api(answers, self._key))

    def stop(self) -> None:
        """Stop listening, cancel what is being answered, and wait for the thread's end."""
        if self._running is not None:
            self._running.stop()
            self._running = None


class _Running:
    def __init__(self, listener: socket.socket, answers: Answers, app: Api) -> None:
        self.port: int = listener.getsockname()[1]
        self._answers = answers
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,  # who asked for what is nobody's business
            proxy_headers=False,  # nobody may speak for another
            server_header=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        # Its notices of starting and stopping say nothing to a user.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="api", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._answers.close()
        self._server.should_exit = True
        self._thread.join()


def _listen(port: int) -> socket.socket:
    """Return a socket that listens on the loopback address and no other. Raises ApiError."""
    if not 0 <= port <= 65535:
        raise ApiError("The port must be between 0 and 65535, not {port}.", port=port)
    try:
        return socket.create_server((LOOPBACK, port), backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ApiError(
                "Port {port} is in use by another program. Choose another port.", port=port
            ) from error
        raise ApiError(
            "Port {port} cannot be opened: {detail}.", port=port, detail=error.strerror
        ) from error
