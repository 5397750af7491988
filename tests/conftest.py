"""What tests of several packages share."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from engine.config import ModelConfig
from engine.tokenizer import Tokenizer
from export.bundle import new_bundle, write_configs, write_graph, write_sums
from export.chat_format import our_chat_format
from export.graph import Quantization, build_graph, linear_names
from export.weights import RandomWeights, Weights
from training.settings import TokenizerSettings
from training.tokenizer import train_tokenizer

# A busy machine is no failure, and `make test` says the same twice of the same code.
# HYPOTHESIS_PROFILE=explore tries other examples at every run.
settings.register_profile("geb", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "geb"))

_SENTENCES = [
    "你好，我是一个小小的语言模型。今天天气很好，我们一起去公园散步吧。",
    "Hello, I am a small language model. The weather is fine, let us walk in the park.",
    "What is the capital of France? Paris is the capital of France.",
    "中国的首都是北京。长江是中国最长的河流。",
    "def add(a, b):\n    return a + b",
    "1234567890 + 42 = ?  (yes)",
]


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the tests out of the user's own folders."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEB_CHAT_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SentencePiece model of about 450 pieces, trained as ours are."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    path.write_bytes(train_tokenizer(iter(_SENTENCES * 10), TokenizerSettings(vocab_size=448)))
    return path


@pytest.fixture(scope="session")
def tokenizer(tokenizer_file: Path) -> Tokenizer:
    return Tokenizer(tokenizer_file)


@pytest.fixture(scope="session")
def tiny_config() -> ModelConfig:
    return ModelConfig(
        vocab_size=448,
        hidden_size=64,
        intermediate_size=176,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=512,
        tie_word_embeddings=True,
    )


@pytest.fixture(scope="session")
def build_bundle(tokenizer_file: Path, tiny_config: ModelConfig) -> Callable[..., Path]:
    """Return a function that writes a tiny bundle with random weights to a folder."""

    def build(
        out: Path, *, weights: Weights | None = None, quantization: Quantization | None = None
    ) -> Path:
        random = RandomWeights(tiny_config)
        control_ids = list(Tokenizer(tokenizer_file).control_tokens.values())
        stop_ids = [2, Tokenizer(tokenizer_file).control_tokens["<|user|>"]]

        def talkative(name: str) -> NDArray[np.float32]:
            """Control tokens of logit 0 are never among the likely ones.

            Otherwise answers would end by chance, or repeat "<|assistant|>", which shows nothing.
            """
            weight = random(name) * np.float32(1 if "norm" in name else 4)
            if name == "model.embed_tokens.weight":
                weight[control_ids] = 0
            return weight

        with new_bundle(out) as folder:
            graph = build_graph(tiny_config, weights or talkative, quantization)
            write_graph(graph, folder, lambda _done, _total: None)
            write_configs(tiny_config, stop_ids, {}, folder)
            our_chat_format(tokenizer_file).write(folder)
            (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Random weights\n")
            write_sums(folder)
        return out

    return build


@pytest.fixture(scope="session")
def int8_scales(tiny_config: ModelConfig) -> Quantization:
    """Static scales that fit the random weights of `build_bundle`."""
    layers = tiny_config.num_hidden_layers
    return Quantization(
        dict.fromkeys(linear_names(tiny_config), 0.05), [0.03] * layers, [0.02] * layers
    )


@pytest.fixture(scope="session")
def tiny_bundle(
    tmp_path_factory: pytest.TempPathFactory,
    build_bundle: Callable[..., Path],
    int8_scales: Quantization,
) -> Path:
    """An int8 bundle with random weights. Do not change it; copy it."""
    return build_bundle(tmp_path_factory.mktemp("models") / "tiny", quantization=int8_scales)


@pytest.fixture(scope="session")
def edit_json() -> Callable[..., None]:
    """Return a function that changes some fields of a JSON file."""

    def edit(path: Path, **changes: object) -> None:
        values = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(values | changes), encoding="utf-8")

    return edit
