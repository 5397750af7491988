"""The `geb` command, run as a user's shell runs it."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import cli, display
from app.single_instance import Request
from engine import __version__

ROOT = Path(__file__).parents[2]
Result = subprocess.CompletedProcess[str]
Geb = Callable[..., Result]


@pytest.fixture
def geb(tmp_path: Path) -> Geb:
    """Return a function that runs `geb` without a display, with a home of its own."""

    def run(*arguments: object, script: str = "", **variables: str) -> Result:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "LC_ALL")
        }
        environment |= {"GEB_CHAT_HOME": str(tmp_path / "home"), "LANG": "C.UTF-8", **variables}
        script += "\nimport sys\nfrom app.cli import main\nstatus = main()\n"
        script += "print(sorted(m for m in sys.modules if 'PySide' in m), file=sys.stderr)\n"
        return subprocess.run(
            [sys.executable, "-c", script + "sys.exit(status)", *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
            cwd=ROOT,
            env=environment,
        )

    return run


def test_the_version(geb: Geb) -> None:
    result = geb("--version")
    assert (result.returncode, result.stdout) == (0, f"GEB Chat {__version__}\n")


@pytest.mark.parametrize("command", [["models"], ["models", "verify"], ["chat", "--prompt", "Hi"]])
def test_qt_is_imported_for_the_window_only(
    geb: Geb, tiny_bundle: Path, command: list[str]
) -> None:
    result = geb("--model", tiny_bundle, *command)
    assert (result.returncode, result.stderr.splitlines()[-1]) == (0, "[]")


def test_chat_prints_json_in_utf_8_whatever_the_terminal(geb: Geb, tiny_bundle: Path) -> None:
    arguments = ("chat", "--model", tiny_bundle, "--prompt", "你好", "--seed", 5, "--json")
    latin = geb(*arguments, PYTHONIOENCODING="latin-1")
    assert latin.returncode == 0
    assert json.loads(latin.stdout)["text"] == json.loads(geb(*arguments).stdout)["text"]


@pytest.mark.parametrize("command", [["--model"], ["chat", "--model"]])
def test_an_unknown_model_is_one_sentence(geb: Geb, tmp_path: Path, command: list[str]) -> None:
    result = geb(*command, tmp_path / "nowhere")
    assert result.returncode == 1
    assert f"There is no model folder {tmp_path / 'nowhere'}.\n" in result.stderr
    assert "Traceback" not in result.stderr


def test_without_a_display_the_chat_opens_in_the_terminal(geb: Geb, tiny_bundle: Path) -> None:
    result = geb("--model", tiny_bundle)
    first, second, modules = result.stderr.splitlines()
    assert first == "There is no display here, so the chat opens in the terminal."
    assert second.startswith("tiny is ready.")
    assert (result.returncode, modules) == (0, "[]")


def test_without_a_display_files_are_not_passed_over(
    geb: Geb, tmp_path: Path, tiny_bundle: Path
) -> None:
    there, missing = tmp_path / "my garden.md", tmp_path / "nosuch.txt"
    there.write_text("Roses.")
    refusal = (
        f"Files cannot be opened without a display; ask them with: geb ask '{there}' -q \"…\"\n[]\n"
    )
    for arguments in ([there], ["open", there], ["--model", tiny_bundle, there]):
        result = geb(*arguments)
        assert (result.returncode, result.stdout, result.stderr) == (1, "", refusal)
    result = geb(missing, there)
    assert result.returncode == 1
    assert result.stderr == f"There is no file or folder {missing}.\n{refusal}"
    assert geb("nosuch.txt").stderr == "There is no file or folder nosuch.txt.\n[]\n"


def test_a_missing_qt_library_is_one_sentence(geb: Geb) -> None:
    blocked = "import sys; sys.modules['PySide6.QtWidgets'] = None"
    result = geb(script=blocked, QT_QPA_PLATFORM="offscreen")
    assert result.returncode == 1
    assert result.stderr.startswith("The window cannot open because something is missing: ")
    assert "`make setup` installs it" in result.stderr


def test_a_missing_x11_library_is_one_sentence(geb: Geb) -> None:
    script = """
import app.cli, app.display
app.cli.has_display = lambda: True
app.display._X11_LIBRARIES = ("libc.so.6", "libnowhere.so.0")
"""
    result = geb(script=script)
    assert result.returncode == 1
    assert "something is missing: libnowhere.so.0. `make setup`" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["chat", "--seed", "x"], "--seed: 'x' is not a number"),
        (["chat", "--json"], "--json needs --prompt"),
        (["chat", "--prompt"], "--prompt: a value is missing"),
        (
            ["dance"],
            "COMMAND: 'dance' is none of 'open', 'chat', 'ask', 'models', 'settings', 'serve'",
        ),
        (["chat", "--loud"], "unknown argument --loud"),
    ],
)
def test_wrong_arguments_are_named(geb: Geb, arguments: list[str], complaint: str) -> None:
    result = geb(*arguments)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].partition(": ")[2] == complaint


@pytest.mark.parametrize(
    ("arguments", "program", "unknown", "option"),
    [
        (["chat", "--modle", "x"], "geb chat", "--modle x", "--seed"),
        (["chat", "--version"], "geb chat", "--version", "--seed"),
        (["models", "verify", "a", "b"], "geb models verify", "b", "[MODEL]"),
        (["--modle"], "geb", "--modle", "--version"),
    ],
)
def test_an_unknown_argument_shows_the_commands_own_usage(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    program: str,
    unknown: str,
    option: str,
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2
    usage, _, complaint = capsys.readouterr().err.rpartition(f"{program}: ")
    assert usage.startswith(f"usage: {program} [")
    assert option in usage
    assert ("--version" in usage) == (program == "geb")
    assert complaint == f"unknown argument {unknown}\n"


def test_help_speaks_the_users_language(geb: Geb) -> None:
    help_ = geb("chat", "--help", LANG="zh_CN.UTF-8").stdout
    for words in ("用法：", "选项:", "显示此帮助后退出", "在终端中聊天", "--prompt 文本"):
        assert words in help_
    for words in ("usage", "options", "show this help", "answer"):
        assert words not in help_
    error = geb("chat", "--seed", "x", LANG="zh_CN.UTF-8").stderr
    assert error.endswith("--seed：'x' 不是数字\n")


def test_a_reader_that_leaves_early_is_no_crash(geb: Geb, tiny_bundle: Path) -> None:
    leave = "import os; end, start = os.pipe(); os.dup2(start, 1); os.close(start); os.close(end)"
    result = geb("chat", "--model", tiny_bundle, "--prompt", "Hi", script=leave)
    assert (result.returncode, result.stderr) == (1, "[]\n")


def test_failures_are_logged_in_a_private_folder(geb: Geb, tmp_path: Path) -> None:
    geb("chat", "--prompt", "Hi", "--model", tmp_path)
    folder = tmp_path / "home" / "log"
    assert "The model folder is incomplete" in (folder / "geb.log").read_text(encoding="utf-8")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_window_gets_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Path | None, list[Path]]] = []

    def open_window(request: Request) -> int:
        asked.append((request.model, list(request.files)))
        return 7

    monkeypatch.setattr(cli, "open_window", open_window)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    assert cli.main([]) == 7
    assert cli.main(["--model", str(tmp_path)]) == 7
    file = tmp_path / "chat"
    file.write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["chat.json/../chat", "b.json"]) == 7
    assert cli.main(["open", "--model", str(tmp_path), "chat"]) == 7
    assert cli.main(["--model", str(tmp_path), "nosuch.txt"]) == 7
    assert cli.main(["--mod", str(tmp_path), "--", "chat"]) == 7
    assert cli.main([f"--model={tmp_path}", "."]) == 7
    assert asked == [
        (None, []),
        (tmp_path, []),
        (None, [tmp_path / "chat.json/../chat", tmp_path / "b.json"]),
        (tmp_path, [file]),
        (tmp_path, [tmp_path / "nosuch.txt"]),
        (tmp_path, [file]),
        (tmp_path, [tmp_path]),
    ]


def test_a_command_is_one_even_where_a_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(cli, "open_window", lambda _request: 7)
    (tmp_path / "settings").touch()
    monkeypatch.chdir(tmp_path)
    assert cli.main(["settings", "font_scale"]) == 0
    assert "font_scale: 100" in capsys.readouterr().out


def test_an_installed_model_is_used_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path | None] = []

    def open_window(request: Request) -> int:
        asked.append(request.model)
        return 7

    monkeypatch.setattr(cli, "open_window", open_window)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    installed = tmp_path / "home/data/models/good"
    installed.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["--model", "good"]) == 7
    (tmp_path / "good").mkdir()
    assert cli.main(["--model", "good"]) == 7
    assert asked == [installed, tmp_path / "good"]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any display."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
class TestDisplay:
    @pytest.mark.usefixtures("bare")
    def test_none(self) -> None:
        assert not display.has_display()

    def test_named_but_gone(self, bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
        bare.setenv("DISPLAY", ":987")
        bare.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        bare.setenv("WAYLAND_DISPLAY", "wayland-0")
        assert not display.has_display()

    def test_wayland(self, bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
        bare.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        bare.setenv("WAYLAND_DISPLAY", "wayland-0")
        bare.chdir(tmp_path)  # a socket's path must be short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("wayland-0")
            assert display.has_display()
            assert display.missing_libraries() == []

    def test_x11(self, bare: pytest.MonkeyPatch) -> None:
        if not shutil.which("Xvfb"):
            pytest.skip("needs Xvfb")
        end, start = os.pipe()
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(start), "-nolisten", "tcp"],
            pass_fds=[start],
            stderr=subprocess.DEVNULL,
        )
        os.close(start)
        try:
            with os.fdopen(end) as numbers:
                bare.setenv("DISPLAY", ":" + numbers.readline().strip())
            assert display.has_display()
        finally:
            server.terminate()
            server.wait()


HEAVY = ("numpy", "onnxruntime", "jinja2", "sentencepiece", "regex", "uvicorn", "ziamath")


def test_a_window_opens_before_the_mathematics_is_loaded() -> None:
    script = f"import app.cli, app.startup, sys; print([m for m in {HEAVY} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout == "[]\n"
