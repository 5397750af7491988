"""The first window's ear: takes what later starts hand over."""

import logging
import sys
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from app.single_instance import ACKNOWLEDGED, MOST_BYTES, Request

_logger: Final = logging.getLogger(__name__)


class InstanceServer(QObject):
    """Listens on the local socket at `path`, which only this user can reach."""

    requested = Signal(object)
    """A Request has come; the other process is told so and ends."""

    def __init__(self, path: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        if sys.platform == "win32":
            self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._greet)
        QLocalServer.removeServer(str(path))  # left behind by a crash: the lock is ours
        if not self._server.listen(str(path)):
            _logger.error("later starts cannot reach this window: %s", self._server.errorString())
        elif sys.platform != "win32":
            # Qt would do it in a folder beside the socket, which a kill leaves for ever. Nobody
            # else gets so far meanwhile: what the socket lies in is this user's alone.
            path.chmod(0o600)

    def close(self) -> None:
        """Listen no more."""
        self._server.close()

    def _greet(self) -> None:
        while (client := self._server.nextPendingConnection()) is not None:
            client.setReadBufferSize(MOST_BYTES)
            client.readyRead.connect(lambda client=client: self._read(client))
            client.disconnected.connect(client.deleteLater)
            self._read(client)

    def _read(self, client: QLocalSocket) -> None:
        if not client.canReadLine():
            if client.bytesAvailable() >= MOST_BYTES:
                client.abort()
            return
        try:
            request = Request.decode(bytes(client.readLine().data()))
        except ValueError:
            _logger.warning("a start said something that is no request")
            client.abort()
            return
        client.write(ACKNOWLEDGED)
        client.disconnectFromServer()
        self.requested.emit(request)
