"""Every family of decoders, against transformers' own implementation of it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import ConfigError, DataError
from export.bundle import write_graph
from export.decoder import DecoderConfig
from export.families import Family, read_family
from export.graph import build_graph
from export.reference import logits
from export.weights import CheckpointWeights

_SHAPE = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 112,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 64,
    "rope_theta": 5_000.0,
    "rms_norm_eps": 1e-5,
    "pad_token_id": 0,
    "tie_word_embeddings": False,
    "attn_implementation": "eager",
}
_TOKENS = np.random.default_rng(0).integers(1, 96, 40).tolist()

_HUGGING_FACE: dict[str, tuple[type, dict[str, object]]] = {
    "llama": (transformers.LlamaForCausalLM, {}),
    "tinyllama-tied": (transformers.LlamaForCausalLM, {"tie_word_embeddings": True}),
    "mistral": (transformers.MistralForCausalLM, {"sliding_window": None}),
    "danube": (transformers.MistralForCausalLM, {"sliding_window": 7}),
    "qwen2": (transformers.Qwen2ForCausalLM, {"tie_word_embeddings": True}),
    "qwen3": (transformers.Qwen3ForCausalLM, {"tie_word_embeddings": True}),
    "glm": (transformers.GlmForCausalLM, {"attention_bias": True, "partial_rotary_factor": 0.5}),
}


def _model(kind: type, **options: object) -> torch.nn.Module:
    torch.manual_seed(5)
    model = kind(kind.config_class(**(_SHAPE | options))).eval()
    for name, parameter in model.named_parameters():
        # Norms and biases too: a forgotten one must show.
        torch.nn.init.normal_(parameter, mean=float("norm" in name), std=0.15)
    return model


@torch.no_grad()
def _expected(model: torch.nn.Module) -> Tensor:
    return model(torch.tensor([_TOKENS])).logits[0]


def _families(folder: Path) -> list[Family]:
    return read_family(json.loads((folder / "config.json").read_text()))


def _reference(folder: Path, family: Family) -> Tensor:
    (found,) = logits(family.config, CheckpointWeights(folder, family), [_TOKENS])
    return found


def _check(folder: Path, family: Family, expected: Tensor, runner: type, tmp_path: Path) -> None:
    """Our torch and our graph, at once and step by step over the cache, say the same."""
    torch.testing.assert_close(_reference(folder, family), expected, atol=2e-4, rtol=1e-3)
    graph = tmp_path / "graph"
    graph.mkdir()
    weights = CheckpointWeights(folder, family)
    write_graph(build_graph(family.config, weights), graph, lambda _done, _total: None)
    whole = runner(graph / "model.onnx", family.config)(_TOKENS, len(_TOKENS))
    np.testing.assert_allclose(whole, expected, atol=5e-4, rtol=1e-3)
    stepwise = runner(graph / "model.onnx", family.config)
    rows = [stepwise(_TOKENS[:9], 9), *(stepwise([token], 1) for token in _TOKENS[9:])]
    np.testing.assert_allclose(np.concatenate(rows), expected, atol=5e-4, rtol=1e-3)


@pytest.mark.parametrize("name", _HUGGING_FACE)
def test_hugging_face_layouts(name: str, runner: type, tmp_path: Path) -> None:
    kind, options = _HUGGING_FACE[name]
    model = _model(kind, **options)
    expected = _expected(model)
    model.save_pretrained(tmp_path / "checkpoint")
    (family,) = _families(tmp_path / "checkpoint")
    assert family.config.sliding_window == options.get("sliding_window")
    _check(tmp_path / "checkpoint", family, expected, runner, tmp_path)


def _chatglm_names(name: str) -> str:
    for before, after in {
        "model.embed_tokens.": "transformer.embedding.word_embeddings.",
        "lm_head.": "transformer.output_layer.",
        "model.norm.": "transformer.encoder.final_layernorm.",
        "model.layers.": "transformer.encoder.layers.",
        "self_attn.o_proj": "self_attention.dense",
        "mlp.gate_up_proj": "mlp.dense_h_to_4h",
        "mlp.down_proj": "mlp.dense_4h_to_h",
    }.items():
        name = name.replace(before, after)
    return name


_CHATGLM_VALUES = {
    "padded_vocab_size": 96,
    "hidden_size": 64,
    "ffn_hidden_size": 112,
    "num_layers": 2,
    "num_attention_heads": 4,
    "kv_channels": 32,
    "seq_length": 64,
    "layernorm_epsilon": 1e-5,
    "rope_ratio": 0.5,
    "rmsnorm": True,
    "add_bias_linear": False,
}


def _write(folder: Path, tensors: dict[str, Tensor], values: dict[str, object]) -> None:
    folder.mkdir()
    copies = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(copies, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(values))


def test_chatglm_layout(runner: type, tmp_path: Path) -> None:
    """One matrix holds queries, keys and values; the same function is transformers' GLM."""
    model = _model(transformers.GlmForCausalLM, attention_bias=True, partial_rotary_factor=0.5)
    state = model.state_dict()
    tensors = {}
    for name, tensor in state.items():
        if ".q_proj." in name:
            parts = [state[name.replace(".q_proj.", f".{p}_proj.")] for p in "qkv"]
            fused = name.replace("self_attn.q_proj", "self_attention.query_key_value")
            tensors[_chatglm_names(fused)] = torch.cat(parts)
        elif ".k_proj." not in name and ".v_proj." not in name:
            tensors[_chatglm_names(name)] = tensor
    folder = tmp_path / "checkpoint"
    values = {"model_type": "chatglm", "add_qkv_bias": True, "multi_query_attention": True}
    _write(folder, tensors, _CHATGLM_VALUES | values | {"multi_query_group_num": 2})
    (family,) = _families(folder)
    _check(folder, family, _expected(model), runner, tmp_path)


def _split_rows(fused: Tensor, *names: str) -> dict[str, Tensor]:
    return dict(zip(names, fused.chunk(len(names)), strict=True))


def _geb_oracle(fraction: float, paired: bool) -> torch.nn.Module:
    """Return transformers' model of the same function, without biases."""
    if paired:
        return _model(
            transformers.GlmForCausalLM, attention_bias=False, partial_rotary_factor=fraction
        )
    if fraction == 1:
        return _model(transformers.LlamaForCausalLM)
    return _model(transformers.Phi3ForCausalLM, partial_rotary_factor=fraction, head_dim=32)


def _unfused(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return q, k, v and [gate; up] apart, whichever of them a family keeps together."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if ".qkv_proj." in name:
            query, key, value = tensor.split([128, 64, 64])
            for part, rows in (("q", query), ("k", key), ("v", value)):
                tensors[name.replace("qkv_proj", f"{part}_proj")] = rows
        elif ".gate_proj." in name:
            up = state[name.replace("gate_proj", "up_proj")]
            tensors[name.replace("gate_proj", "gate_up_proj")] = torch.cat([tensor, up])
        elif ".up_proj." not in name:
            tensors[name] = tensor
    return tensors


@pytest.mark.parametrize("keys_first", [True, False])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_each_reading_of_the_published_geb(
    fraction: float, paired: bool, keys_first: bool, runner: type, tmp_path: Path
) -> None:
    """The checkpoint of each variant has exactly one reading that computes its function."""
    model = _geb_oracle(fraction, paired)
    tensors = {}
    for name, tensor in (state := _unfused(model.state_dict())).items():
        if ".q_proj." in name:
            renamed = _chatglm_names(name).replace("self_attn.q_proj", "self_attention.query")
            tensors[renamed] = tensor
        elif ".k_proj." in name:
            pair = [tensor, state[name.replace("k_proj", "v_proj")]]
            fused = torch.cat(pair if keys_first else pair[::-1])
            renamed = _chatglm_names(name).replace("self_attn.k_proj", "self_attention.key_value")
            tensors[renamed] = fused
        elif ".v_proj." not in name:
            tensors[_chatglm_names(name)] = tensor
    folder = tmp_path / "checkpoint"
    values = {"model_type": "geblm", "num_key_value_heads": 2, "rope_ratio": 0.5}
    _write(folder, tensors, _CHATGLM_VALUES | values)
    expected = _expected(model)
    families = _families(folder)
    assert len(families) == len({family.variant for family in families}) == 8
    errors = [float((_reference(folder, family) - expected).abs().max()) for family in families]
    best, second = np.argsort(errors)[:2]
    assert 1000 * errors[best] < errors[second]
    rotated = 32 if fraction == 1 else 16
    assert families[best].config.rotated == rotated
    assert ("keys first" in families[best].variant) == keys_first
    assert ("neighbouring" in families[best].variant) == paired
    _check(folder, families[best], expected, runner, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "gemma"}, "type gemma are not known"),
        ({"rope_scaling": {"rope_type": "yarn"}}, "its rope_scaling is"),
        ({"attention_bias": True}, "its attention_bias is True"),
        ({"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 8}, "use_sliding"),
        ({"hidden_act": "gelu"}, "its hidden_act is gelu"),
        ({"num_attention_heads": 3}, "cannot be shared"),
    ],
)
def test_what_the_graph_does_not_cover_is_refused(changes: dict[str, object], message: str) -> None:
    values = {key: value for key, value in _SHAPE.items() if key != "attn_implementation"}
    with pytest.raises(ConfigError, match=message):
        read_family({"model_type": "llama"} | values | changes)


def test_a_fused_matrix_of_another_size_is_refused(tmp_path: Path) -> None:
    model = _model(transformers.GlmForCausalLM, attention_bias=True, partial_rotary_factor=0.5)
    model.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace('"intermediate_size": 112', '"intermediate_size": 96'))
    (family,) = _families(tmp_path)
    with pytest.raises(DataError, match=r"gate_up_proj.weight has the shape \[224, 64\]"):
        CheckpointWeights(tmp_path, family)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"rotary_dim": 34}, "rotary_dim must be"), ({"sliding_window": 0}, "sliding_window must")],
)
def test_options_out_of_range(options: dict[str, int], message: str) -> None:
    shape = {key: _SHAPE[key] for key in list(_SHAPE)[:8]}
    with pytest.raises(ConfigError, match=message):
        DecoderConfig(**shape, **options)  # type: ignore[arg-type]
