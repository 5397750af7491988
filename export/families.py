"""How published checkpoints spell the decoder: their config.json, and where each weight lies.

Every weight of our graph is some rows of one tensor of the checkpoint: fused matrices are cut,
and the rows of rotated heads are reordered where a family turns neighbouring dimensions, so
that all meet in the half-split form.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError
from export.decoder import DecoderConfig, as_decoder

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Rows:
    """Rows of a checkpoint's tensor, in order; None: all of them."""

    tensor: str
    index: NDArray[np.int64] | None = None
    total: int | None = None
    """How many rows the whole tensor must have, where `index` is given."""


Locate = Callable[[str], Rows]
"""Tells where the weight of one of our (Llama's) parameter names lies."""


@dataclass(frozen=True)
class Family:
    """A checkpoint's shape and the place of its weights."""

    config: DecoderConfig
    locate: Locate
    variant: str = ""
    """Which reading of an ambiguous layout this is."""


def read_family(values: Values) -> list[Family]:
    """Return the readings of a config.json: one, or several where its layout is ambiguous.

    Raises ConfigError for an architecture, or an option of one, that our graph does not cover.
    """
    model_type = values.get("model_type")
    reader = _FAMILIES.get(str(model_type))
    if reader is None:
        raise ConfigError(
            "Models of the type {model_type} are not known; {known} are. Try --exporter optimum.",
            model_type=model_type,
            known=", ".join(sorted(_FAMILIES)),
        )
    for key, supported in _UNSUPPORTED_UNLESS.items():
        if values.get(key, supported[0]) not in supported:
            raise ConfigError(
                "This model cannot be exported: its {key} is {value}. Try --exporter optimum.",
                key=key,
                value=values[key],
            )
    return reader(values)


# Options that change what is computed, and the values that change nothing.
_UNSUPPORTED_UNLESS: dict[str, tuple[Any, ...]] = {
    "hidden_act": ("silu",),
    "mlp_bias": (False, None),
    "rope_scaling": (None,),
    "add_bias_linear": (False, None),
    "rmsnorm": (True, None),
    "apply_residual_connection_post_layernorm": (False, None),
    "layer_norm_type": (None,),
    "multi_query_attention": (True, None),
}


def _llama(values: Values) -> list[Family]:
    if values.get("attention_bias"):
        raise ConfigError(
            "This model cannot be exported: its {key} is {value}. Try --exporter optimum.",
            key="attention_bias",
            value=True,
        )
    # Llama ignores a window; GEB's own checkpoints are Llama's.
    return [Family(_shape(values, sliding_window=None), Rows)]


def _mistral(values: Values) -> list[Family]:
    return [Family(_shape(values, sliding_window=values.get("sliding_window")), Rows)]


def _qwen2(values: Values) -> list[Family]:
    _refuse_qwen_window(values)
    return [Family(_shape(values, qkv_bias=True, sliding_window=None), Rows)]


def _qwen3(values: Values) -> list[Family]:
    _refuse_qwen_window(values)
    bias = bool(values.get("attention_bias"))
    return [Family(_shape(values, qk_norm=True, qkv_bias=bias, sliding_window=None), Rows)]


def _refuse_qwen_window(values: Values) -> None:
    """Where it is on, it holds for some layers only."""
    if values.get("use_sliding_window") and values.get("sliding_window"):
        raise ConfigError(
            "This model cannot be exported: its {key} is {value}. Try --exporter optimum.",
            key="use_sliding_window",
            value=True,
        )


def _glm(values: Values) -> list[Family]:
    """GLM-4 in Hugging Face's own layout: fused gate and up, neighbouring rotary pairs."""
    rotary = int(float(values.get("partial_rotary_factor", 0.5)) * _head_dim(values))
    bias = bool(values.get("attention_bias", True))
    config = _shape(values, qkv_bias=bias, rotary_dim=rotary, sliding_window=None)
    inner = config.intermediate_size

    def locate(name: str) -> Rows:
        for part, first in ((".gate_proj.", 0), (".up_proj.", inner)):
            if part in name:
                rows = np.arange(first, first + inner)
                return Rows(name.replace(part, ".gate_up_proj."), rows, 2 * inner)
        return Rows(name, *_unpaired(name, config))

    return [Family(config, locate)]


def _chatglm(values: Values) -> list[Family]:
    """ChatGLM-3 and GLM-4 in their own layout: one matrix for queries, keys and values."""
    plain = _chatglm_shape(values)
    bias = bool(values.get("add_qkv_bias"))
    config = replace(plain, qkv_bias=bias, rotary_dim=plain.head_dim // 2)
    sizes = _qkv_sizes(config)

    def locate(name: str) -> Rows:
        part, kind = _projection(name)
        if part is None:
            return _chatglm_rows(name, config)
        first = sum(sizes[:part])
        rows = first + _paired_order(config, sizes[part], rotated=part < 2)
        prefix = name.split(".self_attn.")[0].replace("model.", "transformer.encoder.", 1)
        return Rows(f"{prefix}.self_attention.query_key_value.{kind}", rows, sum(sizes))

    return [Family(config, locate)]


def _geb(values: Values) -> list[Family]:
    """The published GEB-1.3B, whose rotary embedding and order of K and V no text tells."""
    plain = _chatglm_shape(values)
    families = []
    for rotary, fraction in ((plain.head_dim // 2, "half"), (plain.head_dim, "all")):
        for paired in (True, False):
            for keys_first in (True, False):
                config = replace(plain, rotary_dim=rotary)
                order = "keys first" if keys_first else "values first"
                pairs = "neighbouring pairs" if paired else "half-split pairs"
                families.append(
                    Family(
                        config,
                        _geb_layout(config, paired, keys_first),
                        f"rotary on {fraction} of a head in {pairs}, {order}",
                    )
                )
    return families


def _geb_layout(config: DecoderConfig, paired: bool, keys_first: bool) -> Locate:
    query, key_value, _ = _qkv_sizes(config)

    def locate(name: str) -> Rows:
        part, kind = _projection(name)
        if part is None:
            return _chatglm_rows(name, config)
        prefix = name.split(".self_attn.")[0].replace("model.", "transformer.encoder.", 1)
        size = query if part == 0 else key_value
        order = _paired_order(config, size, rotated=paired and part < 2)
        if part == 0:
            return Rows(f"{prefix}.self_attention.query.{kind}", order, query)
        first = key_value if (part == 1) != keys_first else 0
        return Rows(f"{prefix}.self_attention.key_value.{kind}", first + order, 2 * key_value)

    return locate


def _chatglm_rows(name: str, config: DecoderConfig) -> Rows:
    """Return the place of a weight that is no query, key or value."""
    inner = config.intermediate_size
    for part, first in (("gate_proj", 0), ("up_proj", inner)):
        if f".mlp.{part}." in name:
            fused = name.replace(part, "dense_h_to_4h").replace("model.", "transformer.encoder.", 1)
            return Rows(fused, np.arange(first, first + inner), 2 * inner)
    renamed = {
        "model.embed_tokens.weight": "transformer.embedding.word_embeddings.weight",
        "model.norm.weight": "transformer.encoder.final_layernorm.weight",
        "lm_head.weight": "transformer.output_layer.weight",
    }
    if name in renamed:
        return Rows(renamed[name])
    name = name.replace("model.", "transformer.encoder.", 1)
    name = name.replace(".self_attn.o_proj.", ".self_attention.dense.")
    return Rows(name.replace(".mlp.down_proj.", ".mlp.dense_4h_to_h."))


def _projection(name: str) -> tuple[int | None, str]:
    """Return 0, 1 or 2 for a query, key or value parameter, and "weight" or "bias"."""
    for part, letter in enumerate("qkv"):
        if f".self_attn.{letter}_proj." in name:
            return part, name.rsplit(".", 1)[1]
    return None, ""


def _unpaired(name: str, config: DecoderConfig) -> tuple[NDArray[np.int64] | None, int | None]:
    part, _ = _projection(name)
    if part not in (0, 1):
        return None, None
    size = _qkv_sizes(config)[part]
    return _paired_order(config, size, rotated=True), size


def _paired_order(config: DecoderConfig, rows: int, *, rotated: bool) -> NDArray[np.int64]:
    """Return where the rows of our half-split heads lie in heads of neighbouring pairs."""
    order = np.arange(config.head_dim)
    if rotated:
        turned = order[: config.rotated]
        order = np.concatenate([turned[::2], turned[1::2], order[config.rotated :]])
    heads = np.arange(0, rows, config.head_dim)
    return (heads[:, None] + order).ravel()


def _qkv_sizes(config: DecoderConfig) -> tuple[int, int, int]:
    key_value = config.num_key_value_heads * config.head_dim
    return config.num_attention_heads * config.head_dim, key_value, key_value


def _shape(values: Values, **options: Any) -> DecoderConfig:
    plain = {key: value for key, value in values.items() if key not in options}
    if isinstance(plain.get("eos_token_id"), list):
        plain["eos_token_id"] = plain["eos_token_id"][0]
    return replace(as_decoder(DecoderConfig.from_hugging_face(plain)), **options)


def _head_dim(values: Values) -> int:
    return int(values.get("head_dim") or values["hidden_size"] // values["num_attention_heads"])


def _chatglm_shape(values: Values) -> DecoderConfig:
    """Read a config.json with ChatGLM's names."""
    try:
        ratio = float(values.get("rope_ratio", 1))
        translated = {
            "vocab_size": values["padded_vocab_size"],
            "hidden_size": values["hidden_size"],
            "intermediate_size": values["ffn_hidden_size"],
            "num_hidden_layers": values["num_layers"],
            "num_attention_heads": values["num_attention_heads"],
            "num_key_value_heads": values.get("multi_query_group_num")
            or values["num_key_value_heads"],
            "head_dim": values.get("kv_channels")
            or values["hidden_size"] // values["num_attention_heads"],
            "max_position_embeddings": values["seq_length"],
            "rope_theta": 10_000.0 * ratio,
            "rms_norm_eps": values["layernorm_epsilon"],
            "tie_word_embeddings": bool(values.get("tie_word_embeddings", False)),
        }
    except KeyError as error:
        raise ConfigError(
            "The model's config.json lacks a field: {detail}.", detail=error
        ) from error
    return DecoderConfig(**translated)


_FAMILIES: dict[str, Callable[[Values], list[Family]]] = {
    "llama": _llama,
    "mistral": _mistral,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "glm": _glm,
    "chatglm": _chatglm,
    "geblm": _geb,
}
