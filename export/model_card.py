"""README.md of a bundle: what the model is, where it comes from, and what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.config import ModelConfig
from export.calibration import Calibration
from export.task_scores import TaskScore
from export.verification import GREEDY_STEPS, Fidelity

_TABLE_HEAD = (
    "| language | tokens | checkpoint, bits per byte | this bundle | change | same top token |\n"
    "|---|---|---|---|---|---|"
)
_USE = """\
## How to use it
In GEB Chat: put this folder under `resources/models/`, or run `geb chat --model FOLDER`.

With onnxruntime-genai: `onnxruntime_genai.Model("FOLDER")` reads `genai_config.json`.

The graph's inputs are `input_ids`, `attention_mask`, `num_logits_to_keep` (1 for the last
position alone) and `past_key_values.N.key/value`; its outputs are `logits` and
`present.N.key/value`, which must share a buffer with the past. `tokenizer_config.json` holds
the template that messages are written with.
"""
_ROUNDING = {
    "int8": "Weights are int8 with one scale per output channel, rounded so that processors"
    " without VNNI instructions multiply them exactly, too; activations are uint8 with one"
    " static scale per layer.",
    "int4": "Weights of the layers are int4 with one scale per 128 inputs of an output channel;"
    " embedding and head are int8 with one scale per channel.",
}
_LIMITS = """\
## Limits
A small language model writes fluent text that can be wrong. Check names, numbers and dates;
do not rely on it for medical, legal or financial decisions. It knows nothing after its
training data, cannot browse, and may repeat the biases of what it has read.
"""


@dataclass(frozen=True)
class Facts:
    """What a card reports; `checkpoint_card` is the checkpoint's model_card.json."""

    name: str
    config: ModelConfig
    calibration: Calibration | None
    size_bytes: int
    greedy_difference: float
    checked_layers: int
    """Of the float32 graph that was held against PyTorch."""
    fidelity: Sequence[Fidelity]
    checkpoint_card: Mapping[str, Any]
    task_scores: Sequence[TaskScore] = ()

    @property
    def precision(self) -> str:
        """Of the linear layers: "int8", "int4" or "fp32"."""
        if self.calibration is None:
            return "fp32"
        return "int4" if self.calibration.quantization.int4_layers else "int8"

    @property
    def dynamic_layers(self) -> list[str]:
        """The linear layers whose inputs are scaled at run time."""
        scales = self.calibration.quantization.activation_scales if self.calibration else {}
        return [name for name, scale in scales.items() if scale is None]


def render(facts: Facts) -> str:
    """Return the model card in Markdown with YAML front matter."""
    sections = [
        _front_matter(facts),
        f"# {facts.name}\n",
        _shape(facts),
        _USE,
        _fidelity(facts),
        _tasks(facts.task_scores),
        _layers(facts.calibration) if facts.calibration and facts.calibration.report else "",
        _origin(facts.checkpoint_card),
        _LIMITS,
    ]
    return "\n".join(section for section in sections if section)


def licence(checkpoint_card: Mapping[str, Any]) -> str:
    """Return the licence that a checkpoint states, or "unknown"."""
    return str(checkpoint_card.get("licence", "unknown"))


def _front_matter(facts: Facts) -> str:
    tags = ["geb", "onnx", "chat", facts.precision]
    return "\n".join(
        [
            "---",
            f"license: {licence(facts.checkpoint_card)}",
            "language:\n- zh\n- en",
            "library_name: onnxruntime",
            "pipeline_tag: text-generation",
            "tags:",
            *(f"- {tag}" for tag in tags),
            "---\n",
        ]
    )


def _shape(facts: Facts) -> str:
    config, calibration = facts.config, facts.calibration
    lines = [
        f"A bilingual (Chinese and English) chat model of {config.num_parameters:,} parameters:"
        f" {config.num_hidden_layers} layers, hidden size {config.hidden_size},"
        f" {config.num_attention_heads} attention heads in {config.num_key_value_heads} groups,"
        f" {config.vocab_size:,} tokens, context {config.max_position_embeddings:,}."
        f" The folder takes {facts.size_bytes / 1e6:,.1f} MB.\n"
    ]
    if calibration is None:
        return lines[0]
    cache = "int8" if calibration.quantization.key_scales else "float32"
    trained = "" if calibration.report else " The model was trained with this rounding."
    lines.append(f"{_ROUNDING[facts.precision]} The key-value cache is {cache}.{trained}")
    if facts.dynamic_layers:
        lines.append(
            "These layers are scaled at run time, since no static scale fits them, so that"
            " tokens processed together influence each other's rounding: "
            + ", ".join(f"`{name}`" for name in facts.dynamic_layers)
            + "."
        )
    return "\n".join(lines) + "\n"


def _fidelity(facts: Facts) -> str:
    layers = facts.config.num_hidden_layers
    part = "" if facts.checked_layers == layers else f" of the first {facts.checked_layers} layers"
    lines = [
        "## Measured against the checkpoint",
        f"The float32 graph{part}, decoding {GREEDY_STEPS} tokens greedily with its cache, chooses"
        " the same tokens as PyTorch; the largest difference of a logit is"
        f" {facts.greedy_difference:.1e}.\n",
        "Held-out text, token by token through onnxruntime; the checkpoint in float32:\n",
        _TABLE_HEAD,
        *map(_table_row, facts.fidelity),
    ]
    return "\n".join(lines) + "\n"


def _table_row(result: Fidelity) -> str:
    """Return one row of the table of bits per byte."""
    return (
        f"| {result.language} | {result.tokens:,} | {result.checkpoint_bits_per_byte:.4f}"
        f" | {result.bundle_bits_per_byte:.4f} | {result.loss:+.2%} | {result.agreement:.1%} |"
    )


def _tasks(scores: Sequence[TaskScore]) -> str:
    if not scores:
        return ""
    lines = ["| task | measure | checkpoint | this bundle |", "|---|---|---|---|"]
    lines += [
        f"| {one.suite}, {one.data} | {one.measure} | {one.checkpoint:.1f} | {one.bundle:.1f} |"
        for one in scores
    ]
    return "\n".join(lines) + "\n"


def _layers(calibration: Calibration) -> str:
    """Return the table of what rounding does to each linear layer."""
    lines = [
        "## Rounding, layer by layer",
        "Squared error of a layer's output over its energy, on the calibration text. Smoothing"
        " moves outliers of the input into the weights; 0 means that it was not worth it.\n",
        "| layer | smoothing | error | error without |\n|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {layer.strength:g} | {layer.error:.1e} | {layer.plain_error:.1e} |"
        for name, layer in calibration.report.items()
    ]
    return "\n".join(lines) + "\n"


def _origin(card: Mapping[str, Any]) -> str:
    lines: list[str] = []
    if "recipe" in card:
        lines.append(f"## Training\nRecipe: `{card['recipe']}`.\n")
        for stage, figures in card.get("training", {}).items():
            lines.append(f"- {stage}: {_figures(figures)}")
        lines.append("")
    if card.get("data"):
        lines += ["## Data", "| source | licence | records | link |", "|---|---|---|---|"]
        lines += [
            f"| {entry.get('source', '')} | {entry.get('licence', '')}"
            f" | {entry.get('records', '')} | {entry.get('url', '')} |"
            for entry in card["data"]
        ]
        lines.append("")
    return "\n".join(lines)


def _figures(figures: Any) -> str:
    if isinstance(figures, Mapping):
        return ", ".join(f"{key} {_figures(value)}" for key, value in figures.items())
    return f"{figures:.4g}" if isinstance(figures, float) else str(figures)
