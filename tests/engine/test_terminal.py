"""`geb chat` and `geb models` as a person or a script meets them."""

import io
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.bundle_paths import named_bundle
from engine.paths import store_path
from engine.store import Store
from engine.terminal import ChatOptions, answer_once, chat
from engine.terminal_models import list_models, verify_models
from engine.terminal_text import printable

ROOT = Path(__file__).parents[2]
JSON_KEYS = [
    "text",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "prefill_ms",
    "decode_tokens_per_second",
    "model",
]
Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that types these lines, then Ctrl-D."""

    def say(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(line + "\n" for line in lines)))

    return say


def greedy(bundle: Path, **changes: object) -> ChatOptions:
    return ChatOptions(model=bundle, temperature=0, **changes)  # type: ignore[arg-type]


def stored_messages(number: int = 1) -> list[tuple[str, str]]:
    with Store(store_path()) as store:
        return [(message.role, message.content) for message in store.thread(number)]


def test_prompt_prints_the_answer_alone_and_stores_nothing(
    tiny_bundle: Path, own_home: Path, capsys: Output
) -> None:
    assert answer_once("Hello", greedy(tiny_bundle), as_json=False) == 0
    plain = capsys.readouterr()
    assert plain.err == ""
    assert answer_once("Hello", greedy(tiny_bundle), as_json=True) == 0
    values = json.loads(capsys.readouterr().out)
    assert plain.out == printable(values["text"]) + "\n"
    assert not (own_home / "data" / "conversations.sqlite3").exists()


def test_json_has_exactly_the_promised_keys(tiny_bundle: Path, capsys: Output) -> None:
    options = ChatOptions(model=tiny_bundle, seed=3, system="简短")
    assert answer_once("你好", options, as_json=True) == 0
    values = json.loads(capsys.readouterr().out)
    assert list(values) == JSON_KEYS
    assert values["finish_reason"] in ("stop", "length")
    assert values["model"] == "tiny"
    assert values["prompt_tokens"] > 0
    assert values["completion_tokens"] > 0
    assert answer_once("你好", options, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["text"] == values["text"]


def test_an_error_is_one_sentence_on_stderr_or_in_the_json(
    tmp_path: Path, own_home: Path, capsys: Output
) -> None:
    missing = tmp_path / "nowhere"
    sentence = f"There is no model folder {missing}."
    assert answer_once("Hello", ChatOptions(model=missing), as_json=False) == 1
    assert capsys.readouterr() == ("", sentence + "\n")
    assert answer_once("Hello", ChatOptions(model=missing), as_json=True) == 1
    output = capsys.readouterr()
    values = json.loads(output.out)
    assert output.err == ""
    assert list(values) == [*JSON_KEYS, "error"]
    assert (values["text"], values["finish_reason"]) == ("", "error")
    assert values["error"] == sentence
    assert chat(ChatOptions(model=missing)) == 1
    assert capsys.readouterr() == ("", sentence + "\n")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"temperature": -1.0}, "temperature must be between 0 and 10, not -1.0."),
        ({"seed": -1}, "seed must be between"),
        ({"conversation": 99}, "There is no conversation 99."),
    ],
)
def test_wrong_options_are_one_sentence(
    tiny_bundle: Path, capsys: Output, changes: dict[str, object], sentence: str
) -> None:
    options = ChatOptions(model=tiny_bundle, **changes)  # type: ignore[arg-type]
    assert answer_once("Hello", options, as_json=False) == 1
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert output.err.startswith(sentence)


def test_an_empty_prompt_is_refused(tiny_bundle: Path, capsys: Output) -> None:
    assert answer_once(" ", greedy(tiny_bundle), as_json=False) == 1
    assert capsys.readouterr() == ("", "Type a message first.\n")


def test_the_terminal_and_the_store_share_a_conversation(
    tiny_bundle: Path, say: Callable[..., None], capsys: Output
) -> None:
    say("Hello", "", "  再见  ", "/exit", "not reached")
    assert chat(greedy(tiny_bundle, system="Be brief.")) == 0
    output = capsys.readouterr()
    messages = stored_messages()
    assert [role for role, _ in messages] == ["user", "assistant"] * 2
    assert [content for role, content in messages if role == "user"] == ["Hello", "再见"]
    for role, content in messages:
        assert role == "user" or printable(content) in output.out
    assert "geb chat --conversation 1" in output.err
    with Store(store_path()) as store:
        assert store.conversation(1).system_prompt == "Be brief."

    say("Once more")
    assert chat(greedy(tiny_bundle, conversation=1)) == 0
    assert "Conversation 1: Hello" in capsys.readouterr().err
    assert len(stored_messages()) == 6

    assert answer_once("And more", greedy(tiny_bundle, conversation=1), as_json=True) == 0
    text = json.loads(capsys.readouterr().out)["text"]
    assert stored_messages()[6:] == [("user", "And more"), ("assistant", text)]


def test_commands_are_obeyed_and_not_sent(
    tiny_bundle: Path, say: Callable[..., None], capsys: Output
) -> None:
    say("/help", "/foo", "/regenerate", "//etc", "/regenerate", "/new", "Hello", "/quit", "no")
    assert chat(greedy(tiny_bundle)) == 0
    told = capsys.readouterr().err
    assert "/new          begin a new conversation" in told
    assert "Unknown command /foo; /help lists them." in told
    assert told.count("There is no message to answer.") == 1
    for number, text in ((1, "/etc"), (2, "Hello")):
        assert [m for m in stored_messages(number) if m[0] == "user"] == [("user", text)]
        assert f"geb chat --conversation {number}" in told
    with Store(store_path()) as store:
        answer = store.thread(1)[1]
        assert len(store.versions(1)[answer.id]) == 2


def test_leaving_at_once_stores_no_empty_conversation(
    tiny_bundle: Path, say: Callable[..., None]
) -> None:
    say()
    assert chat(greedy(tiny_bundle)) == 0
    with Store(store_path()) as store:
        assert store.list_conversations() == []


def test_a_message_too_long_is_one_sentence_and_the_chat_goes_on(
    tiny_bundle: Path, say: Callable[..., None], capsys: Output
) -> None:
    say("很长" * 1000, "Hello")
    assert chat(greedy(tiny_bundle)) == 0
    assert "The message is too long" in capsys.readouterr().err
    assert stored_messages()[2] == ("user", "Hello")


def test_it_says_how_many_messages_no_longer_fit(
    tiny_bundle: Path, say: Callable[..., None], capsys: Output
) -> None:
    say(*["some words to fill the context with " * 4] * 6)
    assert chat(greedy(tiny_bundle)) == 0
    assert "oldest messages no longer fit and were left out." in capsys.readouterr().err


def test_a_damaged_store_is_reported_and_the_chat_goes_on(
    tiny_bundle: Path, say: Callable[..., None], capsys: Output
) -> None:
    store_path().write_text("not a database " * 100)
    say("Hello")
    assert chat(greedy(tiny_bundle)) == 0
    error = capsys.readouterr().err
    assert "The stored conversations were damaged. 0 messages of 0 conversations" in error
    assert len(stored_messages()) == 2


def test_control_characters_cannot_steer_the_terminal(
    tiny_bundle: Path, say: Callable[..., None], capsys: Output
) -> None:
    with Store(store_path()) as store:
        store.create_conversation("title\x1b[2J\x9b")
    say()
    assert chat(greedy(tiny_bundle, conversation=1)) == 0
    assert "Conversation 1: title[2J\n" in capsys.readouterr().err


ANSWER_SLOWLY = """
import os, signal, sys, time
from pathlib import Path
import engine.answer_steps
from engine.events import Token
from engine.terminal_text import printable
from engine.terminal import ChatOptions, answer_once, chat
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started us may ignore it
if sys.stdin.isatty():
    os.login_tty(0)
generate = engine.answer_steps.generate
def generate_slowly(*arguments, **options):
    for event in generate(*arguments, **options):
        yield event
        if isinstance(event, Token):
            print("<token>", file=sys.stderr, flush=True)
            time.sleep(0.05)
engine.answer_steps.generate = generate_slowly
options = ChatOptions(model=Path(sys.argv[1]), seed=1)
sys.exit(chat(options) if len(sys.argv) == 2 else answer_once(sys.argv[2], options, as_json=True))
"""


def test_ctrl_c_stops_the_answer_and_ctrl_d_leaves(tiny_bundle: Path) -> None:
    """In a real terminal, where typed keys become signals."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ANSWER_SLOWLY, tiny_bundle],
        cwd=ROOT,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    seen = b""

    def wait_for(mark: bytes) -> None:
        nonlocal seen
        while mark not in seen:
            assert select.select([controller], [], [], 30)[0], seen
            seen += os.read(controller, 4096)
        seen = seen.partition(mark)[2]

    try:
        wait_for(b"> ")
        # At the prompt it only begins a new line. Pressed again where nothing came of it: a signal
        # between the prompt and the wait for input is seen at the next key only.
        os.write(controller, b"\x03")
        for _ in range(60):
            if select.select([controller], [], [], 1)[0]:
                break
            os.write(controller, b"\x03")
        wait_for(b"> ")
        os.write(controller, b"Hello\n")
        wait_for(b"<token>")
        os.write(controller, b"\x03")
        wait_for(b"Stopped.")
        wait_for(b"> ")
        os.write(controller, b"\x04")
        wait_for(b"geb chat --conversation 1")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(controller)
    with Store(store_path()) as store:
        assert [message.status for message in store.thread(1)] == ["complete", "cancelled"]


def test_ctrl_c_ends_a_single_answer_as_cancelled(tiny_bundle: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ANSWER_SLOWLY, tiny_bundle, "Hello"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "<token>\n"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    values = json.loads(output)
    assert values["finish_reason"] == "cancelled"
    assert values["completion_tokens"] > 0


def test_models_are_listed_and_verified(
    tiny_bundle: Path, own_home: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = own_home / "data/models/good", own_home / "data/models/bad"
    shutil.copytree(tiny_bundle, good)
    shutil.copytree(tiny_bundle, bad)
    monkeypatch.setattr("engine.terminal_models.default_bundle_path", lambda: good)
    assert list_models() == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(
        line.startswith("* good: ") and line.endswith(" MB, licence apache-2.0, context 512 tokens")
        for line in lines
    )
    assert any(line.startswith("  bad: ") for line in lines)

    assert verify_models(None) == 0
    capsys.readouterr()
    weights = max(bad.iterdir(), key=lambda file: file.stat().st_size)
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    assert verify_models(None) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "good: every file matches its checksum." in lines
    assert any(line.startswith("bad: damaged. ") and weights.name in line for line in lines)
    assert verify_models(good) == 0
    assert verify_models(bad) == 1
    capsys.readouterr()
    (good / "SHA256SUMS").unlink()
    assert verify_models(good) == 0
    assert capsys.readouterr().out == "good: usable, but it has no checksums to compare with.\n"


def test_an_installed_model_goes_by_its_name(
    tiny_bundle: Path, own_home: Path, tmp_path: Path, capsys: Output
) -> None:
    installed = own_home / "data/models/good"
    shutil.copytree(tiny_bundle, installed)
    assert named_bundle(Path("good")) == installed
    assert verify_models(Path("good")) == 0
    assert capsys.readouterr().out == "good: every file matches its checksum.\n"
    for missing in (Path("nowhere"), tmp_path / "good"):
        assert verify_models(missing) == 1
        assert capsys.readouterr() == ("", f"There is no model folder {missing}.\n")


def test_a_broken_model_is_named_in_the_list(
    tiny_bundle: Path, own_home: Path, capsys: Output
) -> None:
    broken = own_home / "data/models/broken"
    shutil.copytree(tiny_bundle, broken)
    (broken / "config.json").unlink()
    assert list_models() == 0
    assert "  broken: The model folder is incomplete:" in capsys.readouterr().out
