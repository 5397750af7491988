"""A model folder that lies, lacks or breaks something is refused in one clear sentence."""

import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from tokenizers import Tokenizer as HuggingFaceTokenizer  # type: ignore[import-untyped]
from tokenizers import models, pre_tokenizers, trainers

from engine import bundle as bundle_module
from engine.bundle import default_bundle_path, list_bundle_paths, open_bundle
from engine.errors import BundleError, GebError
from export.bundle import write_sums
from training.settings import TokenizerSettings
from training.tokenizer import train_tokenizer

Edit = Callable[..., None]


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    return Path(shutil.copytree(tiny_bundle, tmp_path / "model"))


def _refused(folder: Path, sentence: str) -> None:
    """A forger would renew the checksums, too."""
    (folder / "SHA256SUMS").unlink(missing_ok=True)
    write_sums(folder)
    with pytest.raises(GebError, match=sentence) as refusal:
        open_bundle(folder)
    assert "\n" not in str(refusal.value)


def _edit_graph(folder: Path, edit: Callable[[onnx.GraphProto], object]) -> None:
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    edit(model.graph)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def test_what_a_bundle_says_about_itself(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    assert bundle.name == "tiny"
    assert bundle.licence == "apache-2.0"
    assert bundle.signed
    assert bundle.config.vocab_size == 448
    assert bundle.size_bytes == sum(path.stat().st_size for path in tiny_bundle.iterdir())
    user = bundle.tokenizer.control_tokens["<|user|>"]
    assert bundle.generation.eos_token_ids == (2, user)
    written = json.loads((tiny_bundle / "generation_config.json").read_text())
    assert bundle.generation.params().temperature == written["temperature"]


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"There is no model folder .*nowhere"):
        open_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name", ["config.json", "generation_config.json", "tokenizer_config.json", "model.onnx"]
)
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"incomplete: .*{name} is missing"):
        open_bundle(folder)


def test_a_missing_weight_file_even_without_checksums(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    (folder / "model.onnx.data").unlink()
    with pytest.raises(BundleError, match=r"model\.onnx\.data is missing"):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["model.onnx.data", "model.onnx", "tokenizer.model", "README.md"])
def test_a_flipped_byte(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name} is damaged: its checksum is wrong"):
        open_bundle(folder)


def test_the_model_of_the_application_is_always_hashed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_module, "RESOURCES", tmp_path)
    shipped = tmp_path / "models" / "shipped"
    shipped.parent.mkdir()
    folder.rename(shipped)
    open_bundle(shipped)
    weights = shipped / "model.onnx.data"
    status = weights.stat()
    content = bytearray(weights.read_bytes())
    content[100] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(BundleError, match="checksum is wrong"):
        open_bundle(shipped)


def test_an_unsigned_folder_opens_and_says_so(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    assert not open_bundle(folder).signed


def test_a_weight_file_that_the_list_leaves_out(folder: Path) -> None:
    sums = folder / "SHA256SUMS"
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if "model.onnx.data" not in line))
    with pytest.raises(BundleError, match=r"model\.onnx\.data is missing in the list"):
        open_bundle(folder)


def test_a_link_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").rename(tmp_path / "elsewhere.json")
    (folder / "config.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(BundleError, match="link out of the model folder"):
        open_bundle(folder)


def test_a_link_to_itself_that_is_listed(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    with (folder / "SHA256SUMS").open("a") as file:
        file.write("0" * 64 + "  loop\n")
    with pytest.raises(BundleError, match="loop is missing"):
        open_bundle(folder)


def test_external_data_outside_the_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "model.onnx.data").rename(tmp_path / "model.onnx.data")

    def point_outside(graph: onnx.GraphProto) -> None:
        for tensor in graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = "../model.onnx.data"

    _edit_graph(folder, point_outside)
    _refused(folder, r"'\.\./model\.onnx\.data', which is outside its folder")


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"1" * 5000])
def test_unreadable_json(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    _refused(folder, f"{name} (is not valid JSON|must hold a JSON object)")


def test_an_enormous_config_is_not_read(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    with (folder / "config.json").open("ab") as file:
        file.truncate(1 << 30)
    with pytest.raises(BundleError, match=r"config\.json is far too large"):
        open_bundle(folder)


def test_weights_far_larger_than_the_model(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    with (folder / "model.onnx.data").open("ab") as file:
        file.truncate(1 << 30)
    with pytest.raises(BundleError, match="does not fit weights of 1,073,"):
        open_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hidden_size": 65_536, "intermediate_size": 262_144}, "describes a model of"),
        ({"num_hidden_layers": 512}, "describes a model of"),
        ({"vocab_size": 10**9}, "vocab_size must be"),
        ({"max_position_embeddings": 2**40}, "max_position_embeddings must be"),
        ({"num_hidden_layers": 3}, r"past_key_values\.2"),
        ({"num_hidden_layers": 1}, r"input 'past_key_values\.1\.key'"),
        ({"num_key_value_heads": 4}, r"past_key_values\.0\.key has another shape"),
        ({"head_dim": 32}, r"int8 \[1, 2, \?, 16\] instead of int8 \[1, 2, \?, 32\]"),
        ({"vocab_size": 512}, r"logits has another shape .*512"),
        ({"vocab_size": 300}, "tokenizer has 448 tokens, but the model knows only 300"),
    ],
)
def test_a_config_that_lies(
    folder: Path, edit_json: Edit, changes: dict[str, object], sentence: str
) -> None:
    edit_json(folder / "config.json", **changes)
    tracemalloc.start()
    try:
        _refused(folder, sentence)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def _set_type(value: onnx.ValueInfoProto, element_type: int) -> None:
    value.type.tensor_type.elem_type = element_type


def _named(values, name: str) -> onnx.ValueInfoProto:
    return next(value for value in values if value.name == name)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda g: _named(g.input, "input_ids").__setattr__("name", "pixels"), "input 'pixels'"),
        (lambda g: _set_type(_named(g.input, "input_ids"), 1), "input_ids has another .* float32"),
        (lambda g: _set_type(_named(g.output, "logits"), 16), r"logits has another .*\? \["),
        (lambda g: _set_type(_named(g.output, "present.1.key"), 1), r"present\.1\.key has another"),
        (lambda g: g.output.remove(_named(g.output, "present.1.value")), r"lacks .*present\.1\.v"),
        (lambda g: g.input.remove(_named(g.input, "attention_mask")), "lacks .*attention_mask"),
    ],
)
def test_a_graph_of_another_shape(folder: Path, edit, sentence: str) -> None:
    _edit_graph(folder, edit)
    _refused(folder, sentence)


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": -1},
        {"top_p": "high"},
        {"max_new_tokens": 0},
        {"eos_token_id": []},
        {"eos_token_id": 448},
        {"eos_token_id": [2, "stop"]},
        {"eos_token_id": None},
    ],
)
def test_wrong_generation_settings(
    folder: Path, edit_json: Edit, changes: dict[str, object]
) -> None:
    edit_json(folder / "generation_config.json", **changes)
    _refused(folder, r"generation_config\.json is wrong: ")


def test_sampling_switched_off_is_greedy(folder: Path, edit_json: Edit) -> None:
    edit_json(folder / "generation_config.json", do_sample=False, eos_token_id=5, top_k=None)
    (folder / "SHA256SUMS").unlink()
    generation = open_bundle(folder).generation
    assert (generation.temperature, generation.top_k) == (0, 50)
    assert generation.eos_token_ids == (5,)


@pytest.mark.parametrize("place", ["file", "list"])
def test_a_chat_template_in_its_other_places(folder: Path, edit_json: Edit, place: str) -> None:
    source = "{{ bos_token }}{% for m in messages %}<|user|>{{ m.content }}{% endfor %}"
    if place == "list":
        templates = [{"name": "tools", "template": "x"}, {"name": "default", "template": source}]
        edit_json(folder / "tokenizer_config.json", chat_template=templates)
    else:
        edit_json(folder / "tokenizer_config.json", chat_template=None)
        (folder / "chat_template.jinja").write_text(source, encoding="utf-8")
    edit_json(folder / "tokenizer_config.json", bos_token={"content": "<s>"})
    write_sums(folder)
    bundle = open_bundle(folder)
    control = bundle.tokenizer.control_tokens
    expected = [control["<s>"], control["<|user|>"], *bundle.tokenizer.encode("hi")]
    assert bundle.chat_template.encode([{"role": "user", "content": "hi"}]) == expected


def test_a_byte_level_tokenizer_opens_too(folder: Path) -> None:
    (folder / "tokenizer.model").unlink()
    with pytest.raises(BundleError, match="of a kind that GEB Chat does not know"):
        # Ours is there in Hugging Face's format as well, but not as a byte-level one.
        open_bundle(_resigned(folder))
    byte_level = HuggingFaceTokenizer(models.BPE())
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False)
    byte_level.train_from_iterator(["hello"], trainer)
    byte_level.add_special_tokens(["<s>", "</s>", "<|user|>", "<|assistant|>"])
    byte_level.save(str(folder / "tokenizer.json"))
    bundle = open_bundle(_resigned(folder))
    ids = bundle.chat_template.encode([{"role": "user", "content": "你好 <|user|>"}])
    assert ids.count(bundle.tokenizer.control_tokens["<|user|>"]) == 1
    assert bundle.tokenizer.decode(ids) == "你好 <|user|>"


def _resigned(folder: Path) -> Path:
    write_sums(folder)
    return folder


def test_a_missing_chat_template(folder: Path, edit_json: Edit) -> None:
    edit_json(folder / "tokenizer_config.json", chat_template=None)
    _refused(folder, "has no chat template")


def test_a_tokenizer_of_another_model(folder: Path) -> None:
    text = ["".join(chr(0x4E00 + i) for i in range(600))]
    larger = train_tokenizer(iter(text), TokenizerSettings(vocab_size=900))
    (folder / "tokenizer.model").write_bytes(larger)
    _refused(folder, "The tokenizer has 900 tokens, but the model knows only 448")


def test_a_card_without_a_licence(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    for card in ("# Only a title\n", "---\nlanguage: zh\n---\nlicense: not here\n"):
        (folder / "README.md").write_text(card)
        assert open_bundle(folder).licence == ""
    (folder / "README.md").unlink()
    assert open_bundle(folder).licence == ""


def test_after_a_refusal_a_good_folder_still_opens(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(GebError):
        open_bundle(tmp_path)
    assert open_bundle(tiny_bundle, verify=True).name == "tiny"


def test_the_lists_of_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.bundle_paths.RESOURCES", tmp_path / "resources")
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    with pytest.raises(BundleError, match=r"default\.txt cannot be read"):
        default_bundle_path()
    assert list_bundle_paths() == []
    shipped, own = tmp_path / "resources" / "models", tmp_path / "home" / "data" / "models"
    for path in (shipped / "nano", own / "mini", own / "geb", own / ".being-copied"):
        path.mkdir(parents=True)
    (shipped / "default.txt").write_text("nano\n")
    assert default_bundle_path() == shipped / "nano"
    assert list_bundle_paths() == [shipped / "nano", own / "geb", own / "mini"]
