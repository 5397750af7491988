"""What is measured of the engine: each function returns the rows of one idea."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from unittest.mock import patch

import onnxruntime as ort

from engine.bundle import Bundle, open_bundle
from engine.model import Interrupted, Model
from engine.speculation import MAX_DRAFT_TOKENS
from speed.answers import play, prefill_seconds, quote_speed
from speed.bandwidth import bytes_per_token
from speed.measuring import (
    ROUNDS,
    decode_round,
    decode_speed,
    fill,
    median_seconds,
    random_tokens,
    timed,
    verify_seconds,
)
from speed.processes import Worker, busy_core, report_of
from speed.quoting import recordings
from speed.rows import Row

DEPTHS = (128, 1024, 3500)
PREFILL = 512
_SHORT = DEPTHS[0]
_HISTORY = 2000
_VERIFY_DEPTH = 512
_VERIFY_WIDTHS = (4, 8, 16)
_PYTHON_TOKENS = 64
_CANCELLATIONS = 8


@dataclass(frozen=True)
class Subject:
    """What is measured: an open model."""

    bundle: Bundle
    model: Model
    tokens: Sequence[int]
    """As many as the context holds, random."""

    @classmethod
    def open(cls, path: Path, threads: int) -> "Subject":
        """Open the bundle at `path`."""
        bundle = open_bundle(path, verify=False)
        model = Model(bundle, num_threads=threads)
        return cls(bundle, model, random_tokens(model.context_length, bundle.config.vocab_size))


def decoding(subject: Subject, bandwidth: float) -> Iterator[Row]:
    """Speed behind short and long histories, and how near it comes to memory's."""
    yield Row("memory_read_gb_per_second", "memory read bandwidth", bandwidth / 1e9, "GB/s")
    for depth in DEPTHS:
        speed = decode_speed(subject.model, subject.tokens, depth)
        share = speed * bytes_per_token(subject.bundle.config, depth) / bandwidth
        least = 0.85 if depth == _SHORT else None
        yield Row(
            f"decode_{depth}_tokens_per_second", f"decode at depth {depth}", speed, "tokens/s"
        )
        name = f"decode at depth {depth}, share of the bandwidth"
        yield Row(f"decode_{depth}_share_of_bandwidth", name, share, "%", at_least=least)


def prefill(subject: Subject) -> Iterator[Row]:
    """How fast a prompt is read that shares nothing with the cache."""
    prompt = subject.tokens[:PREFILL]
    rounds = [prefill_seconds(subject.model, subject.bundle, prompt) for _ in range(ROUNDS)]
    key = f"prefill_{PREFILL}_tokens_per_second"
    yield Row(key, f"prefill {PREFILL}", PREFILL / median(rounds), "tokens/s")


def quoting(subject: Subject) -> Iterator[Row]:
    """Answers that copy from their passage, with guessed tokens and without."""
    for recording in recordings(subject.bundle):
        name = f"answer that quotes ({recording.language})"
        speeds = [
            quote_speed(subject.model, subject.bundle, recording.prompt, recording.answer, guesses)
            for guesses in (0, MAX_DRAFT_TOKENS)
        ]
        key = f"quote_{recording.language}"
        yield Row(f"{key}_tokens_per_second", name, speeds[1], "tokens/s")
        ratio = speeds[1] / speeds[0]
        yield Row(f"{key}_over_no_speculation", f"{name}, over no speculation", ratio, "×")


def verifying(subject: Subject) -> Iterator[Row]:
    """What guessed tokens cost: one forward of several, relative to one of one."""
    widths = (1, *_VERIFY_WIDTHS)
    seconds: dict[int, list[float]] = {width: [] for width in widths}
    for _ in range(5 * ROUNDS):
        for width in widths:
            taken = verify_seconds(subject.model, subject.tokens, _VERIFY_DEPTH, width)
            seconds[width].append(taken)
    for width in _VERIFY_WIDTHS:
        ratio = median(seconds[width]) / median(seconds[1])
        key = f"verify_{width}_over_one"
        yield Row(key, f"{width} tokens in one forward, over one", ratio, "×")


def sharing(subject: Subject) -> Iterator[Row]:
    """Speed while another process keeps one core busy."""
    quiet: list[float] = []
    busy: list[float] = []
    for _ in range(ROUNDS):
        quiet += decode_round(subject.model, subject.tokens, _SHORT)
        with busy_core():
            busy += decode_round(subject.model, subject.tokens, _SHORT)
    # Means: a step that waited for the other process is part of the speed.
    share = sum(quiet) / sum(busy)
    name = "one core kept busy, of quiet speed"
    yield Row("busy_core_share_of_quiet_speed", name, share, "%", at_least=0.55)


def following_up(subject: Subject) -> Iterator[Row]:
    """The first token after a long history to which one token was added."""
    history, new = subject.tokens[:_HISTORY], subject.tokens[_HISTORY : _HISTORY + 1]
    play(subject.model, subject.bundle, history, new)
    seconds = median_seconds(
        lambda: play(subject.model, subject.bundle, [*history, *new], new), 2 * ROUNDS
    )
    name = f"follow-up after {_HISTORY} tokens, to its first"
    yield Row("follow_up_seconds", name, seconds, "s", at_most=0.25)


def cancelling(subject: Subject) -> Iterator[Row]:
    """How long a prompt goes on being read after it was cancelled: the longest of several."""
    model, waits = subject.model, []
    for trial in range(_CANCELLATIONS):
        model.truncate(0)
        reader = threading.Thread(target=_read_until_interrupted, args=(model, subject.tokens))
        reader.start()
        time.sleep(0.2 + 0.37 * trial)  # in another chunk and another layer each time
        model.interrupt()
        waits.append(timed(reader.join)[0])
        model.resume()
    name = "cancel while a prompt is read, at most"
    yield Row("cancel_seconds", name, max(waits), "s", at_most=0.2)


def _read_until_interrupted(model: Model, tokens: Sequence[int]) -> None:
    with suppress(Interrupted):
        fill(model, tokens)


def python(subject: Subject) -> Iterator[Row]:
    """How much of a decoding step is spent outside onnxruntime, sampling and text included."""
    run = ort.InferenceSession.run_with_iobinding
    seconds: list[float] = []

    def timed_run(*arguments: object) -> None:
        seconds.append(timed(lambda: run(*arguments))[0])

    prompt = subject.tokens[:_SHORT]
    recorded = subject.tokens[_SHORT : _SHORT + _PYTHON_TOKENS]
    steps = len(recorded) - 1
    shares = []
    with patch.object(ort.InferenceSession, "run_with_iobinding", timed_run):
        for _ in range(ROUNDS):
            usage, _ = play(subject.model, subject.bundle, prompt, recorded)
            inside = sum(seconds[-steps:])
            shares.append(1 - inside * usage.decode_tokens_per_second / steps)
    name = "Python's share of a decode step"
    yield Row("python_share_of_step", name, median(shares), "%", at_most=0.03)


def rounding(subject: Subject, int4: Subject) -> Iterator[Row]:
    """Decoding with int4 layers beside int8 ones, in turns."""
    seconds: dict[str, list[float]] = {"int8": [], "int4": []}
    for _ in range(ROUNDS):
        seconds["int8"] += decode_round(subject.model, subject.tokens, _SHORT)
        seconds["int4"] += decode_round(int4.model, int4.tokens, _SHORT)
    ratio = median(seconds["int8"]) / median(seconds["int4"])
    name, key = f"int4 decode at depth {_SHORT}", f"int4_decode_{_SHORT}"
    yield Row(f"{key}_tokens_per_second", name, 1 / median(seconds["int4"]), "tokens/s")
    yield Row(f"{key}_over_int8", f"{name}, over int8", ratio, "×", at_least=1.3)


def memory(bundle: Path, threads: int) -> Iterator[Row]:
    """What a fresh process takes."""
    found = report_of("speed.memory", bundle, threads)
    peak = found["peak"] / found["weights"]
    yield Row("peak_memory_gb", "peak memory", found["peak"] / 1e9, "GB")
    name = "peak memory over the weights' bytes"
    yield Row("peak_memory_over_weights", name, peak, "×", at_most=1.25)
    name = f"second conversation of {found['tokens']} tokens"
    yield Row("second_conversation_mb", name, found["second"] / 1e6, "MB")
    ratio, name = found["second"] / found["cache"], "second conversation over its cache's bytes"
    yield Row("second_conversation_over_cache", name, ratio, "×")


def starting(bundle: Path, threads: int) -> Iterator[Row]:
    """From the start of a process to the first token, the files being in the page cache."""

    def start() -> float:
        seconds, worker = timed(lambda: Worker("speed.startup", bundle, threads))
        worker.close()
        return seconds

    start()  # reads the files, and has their sums checked once
    seconds = median(start() for _ in range(ROUNDS))
    yield Row("start_to_first_token_seconds", "start to first token", seconds, "s", at_most=2.5)
