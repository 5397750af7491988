"""`geb serve` as a person or a script meets it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

ROOT = Path(__file__).parents[3]
SECRET = "xylophone-marmalade"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts `geb` with a home of its own."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object, script: str = "from app.cli import main") -> Any:
        environment = {n: v for n, v in os.environ.items() if n != "LC_ALL"}
        environment |= {"GEB_CHAT_HOME": str(tmp_path), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        # Whoever starts the tests may ignore Ctrl-C.
        script += "\nimport signal, sys\n"
        script += "signal.signal(signal.SIGINT, signal.default_int_handler)\nsys.exit(main())"
        process = subprocess.Popen(
            [sys.executable, "-W", "error::ResourceWarning", "-c", script, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_from_the_first_start_to_ctrl_c(start: Start, tiny_bundle: Path, tmp_path: Path) -> None:
    process = start("serve", "--model", tiny_bundle, "--port", 0)
    assert process.stdout is not None
    lines = [process.stdout.readline().rstrip("\n") for _ in range(3)]
    address = lines[0].removeprefix("Address: ")
    assert address.startswith("http://127.0.0.1:")
    key_file = tmp_path / "config" / "api-key"
    assert lines[1:] == ["Model: tiny", f"Key: in {key_file}; `geb serve --print-key` prints it"]

    printed = start("serve", "--print-key").communicate(timeout=60)
    assert printed == (key_file.read_text(), "")
    key = printed[0].strip()

    messages: list[Any] = [{"role": "user", "content": SECRET}]
    with OpenAI(api_key=key, base_url=address, max_retries=0, timeout=30) as client:
        create = client.chat.completions.create
        answer = create(model="tiny", messages=messages, max_tokens=5).choices[0].message.content
        assert answer
        long = [{"role": "user", "content": SECRET * 200}]
        for wrong in ({"model": SECRET}, {"messages": long}, {"stop": SECRET}):
            with pytest.raises(Exception, match="Error code: 4"):
                create(**({"model": "tiny", "messages": messages} | wrong))  # type: ignore[call-overload]
        stream = create(model="tiny", messages=messages, stream=True)
        next(iter(stream))
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        stream.close()
    assert process.returncode == 0
    assert output == ""
    assert errors == "Ready for programs on this computer only. Ctrl-C ends it.\n"
    # Nothing of what was said, nor the key, is kept anywhere.
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path != key_file]
    assert sorted(path.name for path in kept) == ["geb.log", "verified-models.json"]
    assert "The message is too long" in (tmp_path / "log" / "geb.log").read_text()
    for path in kept:
        text = path.read_text()
        assert SECRET not in text
        assert answer not in text
        assert key not in text


def test_what_prevents_a_start_is_one_sentence(
    start: Start, tiny_bundle: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "nowhere"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = start("serve", "--model", tiny_bundle, "--port", port)
        unknown = start("serve", "--model", missing, "--port", 0)
        outside = start("serve", "--model", tiny_bundle, "--port", 70000)
        for process, sentence in (
            (taken, f"Port {port} is in use by another program. Choose another port.\n"),
            (unknown, f"There is no model folder {missing}.\n"),
            (outside, "The port must be between 0 and 65535, not 70000.\n"),
        ):
            assert process.communicate(timeout=60) == ("", sentence)
            assert process.returncode == 1


_NO_SOCKETS = """
import sys
from app.cli import main
def watch(event, arguments):
    if event in ("socket.bind", "socket.listen"):
        print(event, arguments, file=sys.stderr)
sys.addaudithook(watch)
"""


def test_nothing_listens_unless_asked(start: Start, tiny_bundle: Path) -> None:
    chat = start("chat", "--model", tiny_bundle, "--prompt", "Hi", script=_NO_SOCKETS)
    assert chat.communicate(timeout=60)[1] == ""
    key = start("serve", "--print-key", script=_NO_SOCKETS)
    assert key.communicate(timeout=60)[1] == ""
    server = start("serve", "--model", tiny_bundle, "--port", 0, script=_NO_SOCKETS)
    assert server.stdout is not None
    server.stdout.readline()
    server.send_signal(signal.SIGINT)
    bound = server.communicate(timeout=60)[1].splitlines()
    assert [line for line in bound if line.startswith("socket.bind")] != []
    assert not [
        line for line in bound if line.startswith("socket.bind") and "127.0.0.1" not in line
    ]
