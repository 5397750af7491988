"""Published checkpoints become bundles that answer: the right reading, the same tokens."""

import io
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sentencepiece as spm
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.bundle import open_bundle
from engine.errors import DataError
from engine.events import Done, Token
from engine.generation import generate
from engine.model import Model
from export.__main__ import export, main
from export.chat_format import read_chat_format
from export.checkpoint import open_checkpoint
from export.texts import CALIBRATION, read_samples

_HEADS, _GROUPS, _SIZE, _LAYERS = 4, 2, 32, 2


@pytest.fixture(scope="session")
def sentencepiece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer as GEB's: a space before every text, and no role tokens."""
    records = [json.loads(line) for line in CALIBRATION.read_text(encoding="utf-8").splitlines()]
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter([record["text"] for record in records if "text" in record]),
        model_writer=model,
        model_type="bpe",
        vocab_size=1400,
        character_coverage=1.0,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    path = tmp_path_factory.mktemp("sentencepiece") / "GEBtokenizer.model"
    path.write_bytes(model.getvalue())
    return path


class _Logits(nn.Module):
    """A transformers model whose forward returns logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.model(ids).logits
        return logits


@pytest.fixture(scope="session", params=[0.5, 1.0], ids=["half", "all"])
def trained(
    request: pytest.FixtureRequest, sentencepiece: Path, train: Callable[..., None]
) -> tuple[float, nn.Module]:
    """A model with neighbouring rotary pairs over a part of each head, trained for seconds."""
    torch.manual_seed(2)
    torch.set_num_threads(1)
    config = transformers.GlmConfig(
        vocab_size=1536,
        hidden_size=96,
        intermediate_size=256,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        num_key_value_heads=_GROUPS,
        head_dim=_SIZE,
        max_position_embeddings=512,
        rms_norm_eps=1e-5,
        rope_theta=10_000.0,
        attention_bias=False,
        partial_rotary_factor=request.param,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    model = transformers.GlmForCausalLM(config)
    chat = read_chat_format(sentencepiece.parent, "geblm")
    samples = read_samples(CALIBRATION, chat, 512)
    train(_Logits(model), [token for sample in samples for token in sample.token_ids])
    return request.param, model.eval()


def _half_split(rows: Tensor, fraction: float) -> Tensor:
    """Reorder heads of neighbouring pairs into heads of two halves."""
    rotated = int(_SIZE * fraction)
    heads = rows.unflatten(0, (-1, _SIZE))
    turned = heads[:, :rotated]
    return torch.cat([turned[:, ::2], turned[:, 1::2], heads[:, rotated:]], dim=1).flatten(0, 1)


def _published(model: nn.Module, fraction: float, paired: bool, keys_first: bool) -> dict:
    """Return GEB's published tensors of one variant."""
    state = model.state_dict()

    def heads(name: str) -> Tensor:
        return state[name] if paired else _half_split(state[name], fraction)

    tensors = {
        "transformer.embedding.word_embeddings.weight": state["model.embed_tokens.weight"],
        "transformer.encoder.final_layernorm.weight": state["model.norm.weight"],
        "transformer.output_layer.weight": state["lm_head.weight"],
    }
    for layer in range(_LAYERS):
        ours, theirs = f"model.layers.{layer}", f"transformer.encoder.layers.{layer}"
        pair = [heads(f"{ours}.self_attn.k_proj.weight"), state[f"{ours}.self_attn.v_proj.weight"]]
        tensors |= {
            f"{theirs}.self_attention.query.weight": heads(f"{ours}.self_attn.q_proj.weight"),
            f"{theirs}.self_attention.key_value.weight": torch.cat(
                pair if keys_first else pair[::-1]
            ),
            f"{theirs}.self_attention.dense.weight": state[f"{ours}.self_attn.o_proj.weight"],
            f"{theirs}.mlp.dense_h_to_4h.weight": state[f"{ours}.mlp.gate_up_proj.weight"],
            f"{theirs}.mlp.dense_4h_to_h.weight": state[f"{ours}.mlp.down_proj.weight"],
            f"{theirs}.input_layernorm.weight": state[f"{ours}.input_layernorm.weight"],
            f"{theirs}.post_attention_layernorm.weight": state[
                f"{ours}.post_attention_layernorm.weight"
            ],
        }
    return {name: tensor.clone().contiguous() for name, tensor in tensors.items()}


def _write(folder: Path, tensors: dict, sentencepiece: Path) -> Path:
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    values = {
        "model_type": "geblm",
        "padded_vocab_size": 1536,
        "hidden_size": 96,
        "ffn_hidden_size": 256,
        "num_layers": _LAYERS,
        "num_attention_heads": _HEADS,
        "num_key_value_heads": _GROUPS,
        "kv_channels": _SIZE,
        "seq_length": 512,
        "layernorm_epsilon": 1e-5,
        "add_bias_linear": False,
        "post_layer_norm": True,
        "apply_residual_connection_post_layernorm": False,
        "tie_word_embeddings": False,
        "auto_map": {"AutoModel": "modeling_geblm.GEBLMForCausalLM"},
    }
    (folder / "config.json").write_text(json.dumps(values))
    shutil.copy(sentencepiece, folder / "GEBtokenizer.model")
    # Code that comes with a checkpoint is never run.
    (folder / "modeling_geblm.py").write_text("raise SystemExit('executed')")
    return folder


@pytest.mark.parametrize("keys_first", [True, False])
@pytest.mark.parametrize("paired", [True, False])
def test_the_import_finds_the_right_reading(
    trained: tuple[float, nn.Module],
    paired: bool,
    keys_first: bool,
    sentencepiece: Path,
    tmp_path: Path,
) -> None:
    fraction, model = trained
    tensors = _published(model, fraction, paired, keys_first)
    opened = open_checkpoint(_write(tmp_path / "checkpoint", tensors, sentencepiece))
    assert opened.config.rotated == _SIZE * fraction
    assert ("neighbouring" in opened.family.variant) == paired
    assert ("keys first" in opened.family.variant) == keys_first


def test_weights_that_no_reading_explains_are_refused(
    trained: tuple[float, nn.Module], sentencepiece: Path, tmp_path: Path
) -> None:
    tensors = _published(trained[1], trained[0], True, True)
    generator = torch.Generator().manual_seed(0)
    for name, tensor in tensors.items():
        if "layernorm" not in name:
            tensors[name] = torch.randn(tensor.shape, generator=generator) * 0.02
    folder = _write(tmp_path / "checkpoint", tensors, sentencepiece)
    with pytest.raises(DataError, match="No known reading of the checkpoint"):
        open_checkpoint(folder)


@pytest.fixture(scope="session")
def geb_bundle(
    trained: tuple[float, nn.Module],
    sentencepiece: Path,
    heldout: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[nn.Module, Path]:
    fraction, model = trained
    folder = tmp_path_factory.mktemp("geb")
    tensors = _published(model, fraction, paired=True, keys_first=True)
    checkpoint = _write(folder / "checkpoint", tensors, sentencepiece)
    export(checkpoint, folder / "float", precision="fp32", heldout_path=heldout)
    export(checkpoint, folder / "int8", heldout_path=heldout)
    return model, folder


def test_an_imported_geb_says_what_transformers_says(geb_bundle: tuple[nn.Module, Path]) -> None:
    model, folder = geb_bundle
    bundle = open_bundle(folder / "float")
    prompt = bundle.chat_template.encode([{"role": "user", "content": "今天天气很好。The weather"}])
    with torch.no_grad():
        expected = model.generate(
            torch.tensor([prompt]), max_new_tokens=24, do_sample=False, eos_token_id=None
        )[0, len(prompt) :].tolist()
    with closing(Model(bundle, num_threads=1)) as engine:
        logits = engine.forward(prompt)
        found = []
        for _ in range(24):
            found.append(int(logits.argmax()))
            logits = engine.forward(found[-1:])
    assert found == expected


def test_an_imported_geb_answers_in_int8(geb_bundle: tuple[nn.Module, Path]) -> None:
    _, folder = geb_bundle
    bundle = open_bundle(folder / "int8")
    control = bundle.tokenizer.control_tokens
    assert {2, control["<|user|>"], control["<|observation|>"]} <= set(
        bundle.generation.eos_token_ids
    )
    assert json.loads((folder / "int8/config.json").read_text())["model_type"] == "geblm"
    prompt = bundle.chat_template.encode([{"role": "user", "content": "The weather"}])
    params = replace(bundle.generation.params(), temperature=0, max_new_tokens=20)
    with closing(Model(bundle, num_threads=1)) as engine:
        assert engine.verifies_drafts
        *events, done = generate(engine, bundle, prompt, params)
    assert isinstance(done, Done)
    text = "".join(event.text for event in events if isinstance(event, Token))
    assert text
    assert not text.startswith(" ")
    assert not any(name in text for name in control)


def test_a_trained_qwen_becomes_a_bundle(
    checkpoint: Path, heldout: Path, tmp_path: Path, train: Callable[..., None]
) -> None:
    """Biases and head norms through calibration, int8 and the engine."""
    torch.manual_seed(3)
    plain = json.loads((checkpoint / "config.json").read_text())
    shape = {key: plain[key] for key in ("vocab_size", "hidden_size", "intermediate_size")}
    shape |= {key: plain[key] for key in ("num_hidden_layers", "num_attention_heads", "head_dim")}
    model = transformers.Qwen3ForCausalLM(
        transformers.Qwen3Config(
            **shape,
            num_key_value_heads=plain["num_key_value_heads"],
            max_position_embeddings=512,
            attention_bias=True,
            tie_word_embeddings=True,
        )
    )
    opened = open_checkpoint(checkpoint)
    samples = read_samples(CALIBRATION, opened.chat, 512)
    train(_Logits(model), [token for sample in samples for token in sample.token_ids])
    with torch.no_grad():
        for layer in model.model.layers:
            nn.init.normal_(layer.self_attn.q_norm.weight, mean=1, std=0.1)
            nn.init.normal_(layer.self_attn.k_proj.bias, std=0.1)
    folder = tmp_path / "qwen"
    model.save_pretrained(folder)
    shutil.copy(checkpoint / "tokenizer.model", folder)
    facts = export(folder, tmp_path / "out", heldout_path=heldout)
    assert facts.greedy_difference < 1e-3
    for result in facts.fidelity:
        assert result.bundle_bits_per_byte < 1.02 * result.checkpoint_bits_per_byte
        assert result.agreement > 0.85


def test_optimum_is_the_way_in_for_other_architectures(
    checkpoint: Path,
    heldout: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.manual_seed(4)
    plain = json.loads((checkpoint / "config.json").read_text())
    keys = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers")
    keys += ("num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings")
    config = transformers.GemmaConfig(
        **{key: plain[key] for key in keys}, bos_token_id=1, eos_token_id=2, pad_token_id=3
    )
    model = transformers.GemmaForCausalLM(config)
    model.save_pretrained(tmp_path / "gemma")
    shutil.copy(checkpoint / "tokenizer.model", tmp_path / "gemma")

    def run(*more: str) -> None:
        command = ["export", "--checkpoint", str(tmp_path / "gemma"), "--out"]
        command += [str(tmp_path / "out"), "--heldout", str(heldout), *more]
        monkeypatch.setattr(sys, "argv", command)
        main()

    with pytest.raises(SystemExit, match=r"type gemma are not known.*--exporter optimum"):
        run()
    run("--exporter", "optimum")
    assert "verified" in capsys.readouterr().out
    bundle = open_bundle(tmp_path / "out", verify=True)
    assert bundle.signed
    prompt = bundle.chat_template.encode([{"role": "user", "content": "你好"}])
    params = replace(bundle.generation.params(), temperature=0, max_new_tokens=8)
    with closing(Model(bundle, num_threads=1)) as engine:
        *_, done = generate(engine, bundle, prompt, params)
    assert isinstance(done, Done)
    with pytest.raises(SystemExit):
        run("--exporter", "optimum", "--precision", "int8")
    assert "optimum writes float32 only" in capsys.readouterr().err
