"""Where the server listens, when, and who may read its key."""

import os
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.api import DEFAULT_PORT
from engine.api.errors import ApiError
from engine.api.key import key_path, read_key
from engine.api.server import ApiServer
from engine.errors import StoreError
from engine.worker import EngineWorker


@pytest.fixture
def worker() -> Iterator[EngineWorker]:
    worker = EngineWorker(lambda _event: None)
    yield worker
    worker.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path))
    return tmp_path


def listening() -> list[tuple[str, int]]:
    """Return the addresses on which this process listens."""
    connections = psutil.Process().net_connections(kind="inet")
    return [(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN]


def test_it_listens_on_the_loopback_address_only_and_only_while_it_runs(
    worker: EngineWorker,
) -> None:
    before = listening()
    server = ApiServer(worker, "geb-key", 0)
    assert listening() == before
    assert server.address is None
    server.start()
    try:
        (new,) = set(listening()) - set(before)
        assert new[0] == "127.0.0.1"
        assert server.address == f"http://127.0.0.1:{new[1]}/v1"
        server.start()  # once more does nothing
        assert len(listening()) == len(before) + 1
    finally:
        server.stop()
    assert listening() == before
    assert not [thread for thread in threading.enumerate() if thread.name == "api"]


def test_a_taken_port_is_one_sentence_and_may_be_tried_again(worker: EngineWorker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = ApiServer(worker, "geb-key", port)
        with pytest.raises(ApiError) as taken:
            server.start()
        assert str(taken.value) == f"Port {port} is in use by another program. Choose another port."
        server.stop()
    server.start()
    assert server.address == f"http://127.0.0.1:{port}/v1"
    server.stop()
    for wrong in (-1, 65536):
        with pytest.raises(ApiError, match="The port must be between 0 and 65535"):
            ApiServer(worker, "geb-key", wrong).start()
    assert 1024 < DEFAULT_PORT < 32768


def test_a_client_that_never_finishes_its_request_does_not_delay_the_end(
    worker: EngineWorker,
) -> None:
    server = ApiServer(worker, "geb-key", 0)
    server.start()
    assert server.address is not None
    port = int(server.address.split(":")[2].removesuffix("/v1"))
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer geb-key\r\n"
    )
    with (
        socket.create_connection(("127.0.0.1", port)) as slow,
        socket.create_connection(("127.0.0.1", port)),
    ):
        slow.sendall(head.encode() + b"Content-Length: 99\r\nExpect: 100-continue\r\n\r\n")
        assert b"100" in slow.recv(100)  # it waits for the body
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        stopping.join(timeout=5)
        assert not stopping.is_alive()


def test_the_key_is_made_once_and_for_its_user_only(home: Path) -> None:
    assert list(home.rglob("api-key")) == []
    key = read_key()
    assert key.startswith("geb-")
    assert len(key) >= 40
    assert read_key() == key
    assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    key_path().unlink()
    assert read_key() != key


def test_all_that_start_at_once_share_one_whole_key(home: Path) -> None:
    together = threading.Barrier(8)

    def start(_number: int) -> str:
        together.wait()
        return read_key()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            assert len(set(pool.map(start, range(8)))) == 1
            key_path().unlink()
    assert list(home.rglob("*api-key*")) == []


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_no_secret(home: Path, mode: int) -> None:
    read_key()
    key_path().chmod(mode)
    with pytest.raises(StoreError, match="Other users of this computer may read the key in"):
        read_key()


@pytest.mark.parametrize(
    "content", ["", "geb-short", "x" * 60, "geb-" + "钥" * 60, "geb-" + "\x1b" * 60]
)
def test_a_damaged_key_is_one_sentence(home: Path, content: str) -> None:
    read_key()
    key_path().write_text(content)
    with pytest.raises(StoreError) as damaged:
        read_key()
    assert str(damaged.value) == (
        f"{key_path()} holds no key. Delete the file, and a new key is made."
    )
    key_path().unlink()
    key_path().mkdir(mode=0o700)
    with pytest.raises(StoreError, match="cannot be used"):
        read_key()


def test_a_full_disk_leaves_no_half_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = key_path()

    class Full:
        def __init__(self, file: int, *_arguments: Any, **_options: Any) -> None:
            os.close(file)

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_error: object) -> None:
            raise OSError(28, "No space left on device")

        def write(self, _text: str) -> None:
            """Nothing is written yet: the disk refuses at the end."""

    monkeypatch.setattr("os.fdopen", Full)
    with pytest.raises(StoreError, match="cannot be used: No space left on device"):
        read_key()
    assert not path.exists()
