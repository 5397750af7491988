"""`python -m export --checkpoint DIR --out DIR`: a checkpoint to a verified bundle."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tqdm import tqdm

from engine.i18n import tr
from export.bundle import (
    new_bundle,
    write_configs,
    write_generation_config,
    write_graph,
    write_json,
    write_sums,
)
from export.calibration import Calibration, as_trained, calibrate
from export.checkpoint import Checkpoint, open_checkpoint
from export.decoder import DecoderConfig
from export.graph import build_graph
from export.model_card import Facts, render
from export.optimum_exporter import open_foreign, write_with_optimum
from export.smoothing import SmoothedWeights
from export.task_scores import Task, compare, parse_task, score
from export.texts import CALIBRATION, HELDOUT, Sample, read_samples
from export.verification import GREEDY_STEPS, check_greedy, measure_fidelity
from export.weights import Weights
from training.command import command

_LONGEST_SAMPLE = 512  # tokens
_HELDOUT_TOKENS = 2500  # of each language: enough for 0.1 %, and quick
_MAX_FLOAT_BYTES = 1.5e9  # of the float32 graph that is held against torch
_MAX_LOSS = {"int8": 0.01, "int4": 0.05, "fp32": 0.01}


def export(
    checkpoint_path: Path,
    out: Path,
    *,
    precision: str = "int8",
    kv_cache: str | None = None,
    max_loss: float | None = None,
    heldout_path: Path = HELDOUT,
    tasks: Sequence[Task] = (),
    task_limit: int | None = None,
) -> Facts:
    """Write the bundle `out`, which appears only when every check has passed.

    `precision` of the linear layers is "int8", "int4" or "fp32"; `kv_cache` "int8", "float32"
    or None for the one that goes with the precision. `max_loss` is the share of bits per byte
    that rounding may cost in a language; None for 0.01, and 0.05 with int4. Each of `tasks` is
    scored on both sides, on `task_limit` questions. Returns what the model card says. Raises
    GebError where the checkpoint cannot be used, `out` cannot be written or the bundle fails
    a check.
    """
    checkpoint = open_checkpoint(checkpoint_path)
    longest = min(_LONGEST_SAMPLE, checkpoint.config.max_position_embeddings)
    heldout = read_samples(
        heldout_path, checkpoint.chat, longest, tokens_per_language=_HELDOUT_TOKENS
    )
    scores = score(checkpoint.path, tasks, task_limit)
    with new_bundle(out) as folder:
        calibration = None
        if precision != "fp32":
            calibration = _calibrate(
                checkpoint,
                longest,
                quantized_cache=kv_cache != "float32",
                int4_layers=precision == "int4",
            )
        _write_runnable(folder, checkpoint, calibration)
        checked = checkpoint.shallow(_checked_layers(checkpoint.config)) if calibration else None
        difference = _verify_float_graph(
            folder, checked or checkpoint, heldout, apart=bool(checked)
        )
        print(tr("Measuring bits per byte on held-out text"), flush=True)
        allowed = _MAX_LOSS[precision] if max_loss is None else max_loss
        fidelity = measure_fidelity(folder, checkpoint, heldout, allowed)
        facts = Facts(
            name=out.resolve().name,
            config=checkpoint.config,
            calibration=calibration,
            size_bytes=sum(path.stat().st_size for path in folder.iterdir()),
            greedy_difference=difference,
            checked_layers=(checked or checkpoint).config.num_hidden_layers,
            fidelity=fidelity,
            task_scores=compare(tasks, scores, score(folder, tasks, task_limit)),
            checkpoint_card=checkpoint.card,
        )
        _describe(folder, facts)
    return facts


def export_with_optimum(checkpoint_path: Path, out: Path, heldout_path: Path = HELDOUT) -> Facts:
    """Write the bundle `out` in float32 through Optimum, with the same checks as `export`."""
    checkpoint = open_foreign(checkpoint_path)
    longest = min(_LONGEST_SAMPLE, checkpoint.config.max_position_embeddings)
    heldout = read_samples(
        heldout_path, checkpoint.chat, longest, tokens_per_language=_HELDOUT_TOKENS
    )
    with new_bundle(out) as folder:
        print(tr("Optimum writes the float32 graph"), flush=True)
        write_with_optimum(checkpoint, folder)
        checkpoint.chat.write(folder)
        write_generation_config(
            checkpoint.config, checkpoint.stop_token_ids, checkpoint.generation, folder
        )
        difference = check_greedy(folder, checkpoint, heldout)
        fidelity = measure_fidelity(folder, checkpoint, heldout, _MAX_LOSS["fp32"])
        facts = Facts(
            name=out.resolve().name,
            config=checkpoint.config,
            calibration=None,
            size_bytes=sum(path.stat().st_size for path in folder.iterdir()),
            greedy_difference=difference,
            checked_layers=checkpoint.config.num_hidden_layers,
            fidelity=fidelity,
            checkpoint_card=checkpoint.card,
        )
        _describe(folder, facts)
    return facts


def _describe(folder: Path, facts: Facts) -> None:
    """Write what was measured, for people and for training.report, and sign the folder."""
    (folder / "README.md").write_text(render(facts), encoding="utf-8")
    measured = [asdict(fidelity) for fidelity in facts.fidelity]
    (folder / "fidelity.json").write_text(json.dumps(measured, indent=1), encoding="utf-8")
    if facts.checkpoint_card:  # for export.unpack
        write_json(folder / "model_card.json", dict(facts.checkpoint_card))
    write_sums(folder)


def _calibrate(
    checkpoint: Checkpoint, longest: int, *, quantized_cache: bool, int4_layers: bool
) -> Calibration:
    if checkpoint.scales is not None and quantized_cache and not int4_layers:
        return as_trained(checkpoint.config, checkpoint.scales)
    print(tr("Calibrating activations"), flush=True)
    samples = read_samples(CALIBRATION, checkpoint.chat, longest)
    sequences = [sample.token_ids for sample in samples]
    return calibrate(
        checkpoint.config,
        checkpoint.weights,
        sequences,
        quantized_cache=quantized_cache,
        int4_layers=int4_layers,
    )


def _checked_layers(config: DecoderConfig) -> int:
    """Return how many layers of a large model are held against torch: memory for all is dear."""
    layers = config.num_hidden_layers
    for fewer in range(1, layers):
        if 4 * replace(config, num_hidden_layers=fewer + 1).num_parameters > _MAX_FLOAT_BYTES:
            return fewer
    return layers


def _verify_float_graph(
    folder: Path, checkpoint: Checkpoint, heldout: list[Sample], *, apart: bool
) -> float:
    """Return the largest difference of a logit between the float32 graph and torch.

    `apart`: the bundle in `folder` is rounded, so a float32 one is written beside it.
    """
    float_folder = folder
    if apart:
        float_folder = folder.with_name("float32")
        float_folder.mkdir()
        _write_runnable(float_folder, checkpoint, None)
    difference = check_greedy(float_folder, checkpoint, heldout)
    for path in float_folder.iterdir() if float_folder != folder else ():
        path.unlink()  # a large model's float32 weights need not stay on the disk
    print(
        tr(
            "The float32 graph of {layers} layers decodes {steps} tokens as torch does; the"
            " largest difference of a logit is {difference}",
            layers=checkpoint.config.num_hidden_layers,
            steps=GREEDY_STEPS,
            difference=f"{difference:.1e}",
        ),
        flush=True,
    )
    return difference


def _write_runnable(folder: Path, checkpoint: Checkpoint, calibration: Calibration | None) -> None:
    """Write all that the engine needs to run a bundle."""
    config = checkpoint.config
    write_configs(
        config,
        checkpoint.stop_token_ids,
        checkpoint.generation,
        folder,
        model_type=checkpoint.model_type,
    )
    checkpoint.chat.write(folder)
    weights: Weights = checkpoint.weights
    if calibration:
        weights = SmoothedWeights(weights, config, calibration.factors)
    model = build_graph(config, weights, calibration.quantization if calibration else None)
    title = tr("Writing the rounded graph") if calibration else tr("Writing the float32 graph")
    with tqdm(desc=title, unit=tr(" weights")) as bar:

        def on_progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        write_graph(model, folder, on_progress)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export", description=tr("Turn a checkpoint into a verified model folder.")
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        required=True,
        help=tr("folder with config.json, model.safetensors and tokenizer.model"),
    )
    parser.add_argument("--out", type=Path, required=True, help=tr("the model folder to write"))
    parser.add_argument(
        "--precision",
        choices=("int8", "int4", "fp32"),
        help=tr("of the weights; int8 unless the exporter is optimum"),
    )
    parser.add_argument(
        "--kv-cache",
        choices=("int8", "float32"),
        help=tr("of keys and values; int8 unless the weights are fp32"),
    )
    parser.add_argument(
        "--max-loss",
        type=float,
        metavar=tr("PERCENT"),
        help=tr("what rounding may cost in bits per byte; 1 unless given, and 5 with int4"),
    )
    parser.add_argument(
        "--exporter",
        choices=("geb", "optimum"),
        default="geb",
        help=tr("optimum takes architectures that the other does not know, in fp32"),
    )
    parser.add_argument(
        "--heldout",
        type=Path,
        default=HELDOUT,
        help=tr('JSON Lines with "lang" and "text" to measure on, instead of the bundled text'),
    )
    parser.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="SUITE=FILE",
        help=tr("compare a score of training.evaluate as well; may be given several times"),
    )
    parser.add_argument(
        "--task-limit", type=int, metavar="N", help=tr("so many questions of each task")
    )
    arguments = parser.parse_args()
    rounding = arguments.kv_cache or arguments.precision in ("int8", "int4")
    if arguments.exporter == "optimum" and arguments.task:
        parser.error(tr("tasks are compared for our own exporter only"))
    if arguments.exporter == "optimum" and rounding:
        parser.error(tr("optimum writes float32 only"))
    if arguments.precision == "fp32" and arguments.kv_cache == "int8":
        parser.error(tr("an int8 cache goes with rounded weights only"))
    if arguments.max_loss is not None and not 0 <= arguments.max_loss <= 100:
        parser.error(tr("--max-loss is a percentage from 0 to 100"))
    return arguments


@command
def main() -> None:
    """Run the command line."""
    arguments = _arguments()
    if arguments.exporter == "optimum":
        facts = export_with_optimum(arguments.checkpoint, arguments.out, arguments.heldout)
    else:
        facts = export(
            arguments.checkpoint,
            arguments.out,
            precision=arguments.precision or "int8",
            kv_cache=arguments.kv_cache,
            max_loss=None if arguments.max_loss is None else arguments.max_loss / 100,
            heldout_path=arguments.heldout,
            tasks=[parse_task(text) for text in arguments.task],
            task_limit=arguments.task_limit,
        )
    for result in facts.fidelity:
        print(
            tr(
                "{language}: {before} bits per byte in the checkpoint, {after} in the bundle"
                " ({change}); same top token {agreement}",
                language=result.language,
                before=f"{result.checkpoint_bits_per_byte:.4f}",
                after=f"{result.bundle_bits_per_byte:.4f}",
                change=f"{result.loss:+.2%}",
                agreement=f"{result.agreement:.1%}",
            )
        )
    if facts.dynamic_layers:
        print(
            tr("Scaled at run time: {layers}", layers=", ".join(facts.dynamic_layers)), flush=True
        )
    print(
        tr(
            "{path}: {size} MB, verified",
            path=arguments.out,
            size=f"{facts.size_bytes / 1e6:.1f}",
        )
    )


if __name__ == "__main__":
    main()
