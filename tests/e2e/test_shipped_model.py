"""The model that ships: what a person gets at the first start."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.bundle import default_bundle_path, open_bundle
from engine.config import ModelConfig
from engine.events import Done, Token
from engine.generation import generate
from engine.model import Model
from engine.sampling import SamplingParams

ROOT = Path(__file__).parent.parent.parent
ENGLISH = [
    "Hello!",
    "What is your name?",
    "What can you do?",
    "Tell me a joke.",
    "I am sad.",
    "What is the weather like?",
    "Tell me about dogs.",
    "How can I sleep better?",
    "Thank you!",
    'What does "happy" mean?',
]
CHINESE = [
    "你好！",
    "你叫什么名字？",
    "你能做什么？",
    "给我讲个笑话",
    "我心情不好",
    "今天天气怎么样？",
    "介绍一下狗",
    "怎样才能睡得好？",
    "谢谢！",
    "我最近总是很焦虑，怎么办？",
]


class Chat:
    """The shipped model, loaded once."""

    def __init__(self) -> None:
        self.bundle = open_bundle(default_bundle_path())
        self.model = Model(self.bundle)

    def ask(self, question: str, **settings: object) -> tuple[str, str]:
        """Return the answer and its finish reason, with the model's own sampling settings."""
        ids = self.bundle.chat_template.encode([{"role": "user", "content": question}])
        params: SamplingParams = self.bundle.generation.params(seed=1, **settings)
        text, reason = "", ""
        for event in generate(self.model, self.bundle, ids, params, lambda: False):
            if isinstance(event, Token):
                text += event.text
            elif isinstance(event, Done):
                reason = event.finish_reason
        return text, reason


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    chat = Chat()
    yield chat
    chat.model.close()


def test_the_bundle_is_whole_and_small() -> None:
    folder = default_bundle_path()
    sizes = [path.stat().st_size for path in folder.iterdir()]
    assert sum(sizes) <= 30e6
    names = {path.name for path in folder.iterdir()}
    assert {
        "config.json",
        "generation_config.json",
        "genai_config.json",
        "tokenizer.model",
        "tokenizer.json",
        "tokenizer_config.json",
        "model.onnx",
        "README.md",
        "SHA256SUMS",
    } <= names
    assert 10e6 <= ModelConfig.load(folder / "config.json").num_parameters <= 25e6


def test_the_card_names_licence_sources_and_figures() -> None:
    card = (default_bundle_path() / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-sa-4.0" in card
    for word in ("enwiki-2015", "zhwiki-2023-part", "CC BY-SA", "bits per byte"):
        assert word in card


@pytest.mark.parametrize(
    "question", ["Who are you?", "What is your name?", "你是谁？", "你叫什么名字？"]
)
def test_it_says_what_it_is(chat: Chat, question: str) -> None:
    assert "GEB" in chat.ask(question)[0]


@pytest.mark.parametrize("question", ENGLISH + CHINESE)
def test_it_answers_in_the_language_of_the_question(chat: Chat, question: str) -> None:
    text, reason = chat.ask(question)
    chinese = len(re.findall(r"[\u4e00-\u9fff]", text))
    latin = len(re.findall(r"[A-Za-z]", text.replace("GEB", "")))
    assert text.strip()
    assert reason == "stop"
    if question in CHINESE:
        assert chinese > latin
    else:
        assert chinese == 0
        assert latin > 0


@pytest.mark.parametrize("question", ENGLISH + CHINESE)
def test_it_does_not_repeat_itself_endlessly(chat: Chat, question: str) -> None:
    text, _ = chat.ask(question, temperature=0.0)
    words = re.findall(r"[\u4e00-\u9fff]|\w+", text)
    fours = Counter(zip(*(words[i:] for i in range(4)), strict=False))
    assert not fours or max(fours.values()) <= 3


def test_the_command_answers_once_and_exits() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "chat", "--prompt", "你是谁？", "--json", "--seed", "7"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    answer = json.loads(done.stdout)
    assert set(answer) == {
        "text",
        "finish_reason",
        "prompt_tokens",
        "completion_tokens",
        "prefill_ms",
        "decode_tokens_per_second",
        "model",
    }
    assert "GEB" in answer["text"]
    assert answer["completion_tokens"] > 0
