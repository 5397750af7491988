"""The shape of a decoder, as Hugging Face's `config.json` names it."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engine.errors import ConfigError

# Far above any model that a desktop runs: a lying config is refused before anything is allocated.
_LIMITS = {
    "vocab_size": 1_000_000,
    "hidden_size": 65_536,
    "intermediate_size": 262_144,
    "num_hidden_layers": 512,
    "num_attention_heads": 1024,
    "num_key_value_heads": 1024,
    "head_dim": 1024,
    "max_position_embeddings": 2_097_152,
}


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A pre-norm decoder with RoPE, grouped-query attention, SwiGLU and RMSNorm, without biases.

    Token ids are -1 where a model has no such token. Raises ConfigError for sizes that
    contradict each other.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    rope_theta: float = 10_000.0
    rms_norm_eps: float = 1e-5
    tie_word_embeddings: bool = False
    bos_token_id: int = 1
    eos_token_id: int = 2
    pad_token_id: int = 3

    def __post_init__(self) -> None:
        for name, limit in _LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= limit:
                raise ConfigError(
                    "The model's {name} must be a whole number between 1 and {limit}, not {value}.",
                    name=name,
                    limit=limit,
                    value=value,
                )
        if self.num_attention_heads % self.num_key_value_heads:
            raise ConfigError(
                "The model's {heads} attention heads cannot be shared by {groups} key-value heads.",
                heads=self.num_attention_heads,
                groups=self.num_key_value_heads,
            )
        if self.head_dim % 2:
            raise ConfigError(
                "The model's head_dim must be even for rotary positions, not {value}.",
                value=self.head_dim,
            )

    @property
    def num_parameters(self) -> int:
        """Number of weights; a tied embedding counts once."""
        query = self.num_attention_heads * self.head_dim
        key_value = 2 * self.num_key_value_heads * self.head_dim
        attention = self.hidden_size * (query + key_value) + query * self.hidden_size
        layer = attention + 3 * self.hidden_size * self.intermediate_size + 2 * self.hidden_size
        embeddings = self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)
        return embeddings + self.num_hidden_layers * layer + self.hidden_size

    def to_hugging_face(self) -> dict[str, Any]:
        """Return the contents of a `config.json` that transformers opens as a Llama model."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            **asdict(self),
        }

    @classmethod
    def from_hugging_face(cls, values: dict[str, Any]) -> "ModelConfig":
        """Read the fields of a `config.json`. Raises ConfigError where one is missing or wrong."""
        known = {field.name for field in fields(cls)}
        chosen = {key: value for key, value in values.items() if key in known and value is not None}
        heads = chosen.get("num_attention_heads")
        if isinstance(heads, int) and heads > 0:
            chosen.setdefault("num_key_value_heads", heads)
            if isinstance(chosen.get("hidden_size"), int):
                chosen.setdefault("head_dim", chosen["hidden_size"] // heads)
        try:
            return cls(**chosen)
        except TypeError as error:
            raise ConfigError(
                "The model's config.json lacks a field: {detail}.", detail=error
            ) from error

    @classmethod
    def load(cls, path: Path) -> "ModelConfig":
        """Read a `config.json` file. Raises ConfigError, and OSError if it cannot be read."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(
                "{path} is not valid JSON: {detail}.", path=path, detail=error
            ) from error
        if not isinstance(values, dict):
            raise ConfigError("{path} must hold a JSON object.", path=path)
        return cls.from_hugging_face(values)
