"""Where the steps of data preparation run: this process, its CPUs, Slurm or Ray."""

import copy
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tqdm import tqdm

from engine.errors import ConfigError, DataError

KINDS = ("local", "slurm", "ray")
_GIGABYTES_PER_TASK = 4
_POLL_SECONDS = 0.5
_WORTH_PROCESSES = 20
"""Megabytes of files: starting processes costs the time of about so many."""

Step = Callable[[Any, int, int], Any]
"""A datatrove pipeline step, or any callable (data, rank, world_size)."""


@dataclass(frozen=True, kw_only=True)
class Executor:
    """Runs datatrove pipelines and waits for them."""

    kind: str = "local"
    """"local", "slurm" (from a login node) or "ray"."""
    workers: int = 0
    """Tasks at the same time; one local worker runs in this process. 0: one for each processor,
    if there is work enough."""
    logs: Path = Path("logs")
    """A folder that all machines see."""
    partition: str = ""
    """Slurm's."""
    time: str = "24:00:00"
    """Slurm's limit for each task."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(
                "{name} must be one of {allowed}, not {value}.",
                name="--executor",
                allowed=", ".join(KINDS),
                value=self.kind,
            )
        if self.workers < 0:
            raise ConfigError("{name} must not be negative.", name="--workers")
        if (self.kind == "slurm") != bool(self.partition):
            raise ConfigError("--partition belongs to --executor slurm, which needs it.")

    def sized(self, megabytes: float) -> "Executor":
        """Return the executor with as many workers as so much input is worth."""
        enough = self.kind != "local" or megabytes > _WORTH_PROCESSES
        return replace(self, workers=self.workers or (os.cpu_count() or 1 if enough else 1))

    def in_process(self, tasks: int) -> bool:
        """Tell whether so many tasks run in this process, one after another."""
        return self.kind == "local" and min(self.workers, tasks) <= 1

    def run(self, pipeline: list[Step], tasks: int, name: str) -> None:
        """Run `pipeline` once for each rank below `tasks`; return when all are done.

        Raises what a step raises, or DataError if a job on a cluster failed.
        """
        if tasks == 0:
            return
        if self.in_process(tasks):
            for rank in tqdm(range(tasks), desc=name, unit="part"):
                _run_here(pipeline, rank, tasks)
            return
        logs = self.logs / name
        shutil.rmtree(logs, ignore_errors=True)
        with _progress(logs / "completions", tasks, name):
            _run_with_datatrove(self, pipeline, tasks, logs)
        if missing := tasks - _count(logs / "completions"):
            raise DataError(
                "{missing} of {tasks} tasks of the step {name} failed; see {logs}. Run the"
                " command again when that is solved: what is finished is kept.",
                missing=missing,
                tasks=tasks,
                name=name,
                logs=logs,
            )


def _run_here(pipeline: list[Step], rank: int, tasks: int) -> None:
    data: Any = None
    for step in pipeline:
        if hasattr(step, "stats"):  # datatrove's own: keeps state, and is to be new in every task
            _silence_datatrove()
            step = copy.deepcopy(step)
        data = step(data, rank, tasks)
    deque(data or (), maxlen=0)


def _run_with_datatrove(executor: Executor, pipeline: list[Step], tasks: int, logs: Path) -> None:
    from datatrove import executor as datatrove

    options: dict[str, Any] = {
        "tasks": tasks,
        "workers": min(executor.workers, tasks),
        "logging_dir": str(logs),
        "skip_completed": False,
    }
    silence = _silence_datatrove()
    if executor.kind == "local":
        datatrove.LocalPipelineExecutor([silence, *pipeline], **options).run()
    elif executor.kind == "ray":
        if not find_spec("ray"):
            raise DataError("--executor ray needs Ray: pip install ray.")
        options["mem_per_cpu_gb"] = _GIGABYTES_PER_TASK
        datatrove.RayPipelineExecutor([silence, *pipeline], **options).run()
    else:
        job = datatrove.SlurmPipelineExecutor(
            pipeline,
            time=executor.time,
            partition=executor.partition,
            qos="",
            mem_per_cpu_gb=_GIGABYTES_PER_TASK,
            job_name=f"geb-{logs.name}",
            env_command=f'export PATH={shlex.quote(sys.prefix)}/bin:"$PATH"',
            sbatch_args={"wait": ""},  # sbatch then returns when the job is done
            **options,
        )
        _submit(job.run)


def _submit(run: Callable[[], None]) -> None:
    try:
        run()
    except FileNotFoundError as error:
        raise DataError(
            "Slurm's sbatch is not installed here: run this on a login node."
        ) from error
    except subprocess.CalledProcessError:
        return  # sbatch said why, or a task failed: the caller counts those that did not


class _Silence:
    """A step that does nothing, and silences datatrove in every process that it arrives in.

    What goes wrong is said once, by whoever called `run`.
    """

    def __call__(self, data: Any, _rank: int, _world_size: int) -> Any:
        return data

    def __reduce__(self) -> tuple[Callable[[], "_Silence"], tuple[()]]:
        return _arrive, ()


def _arrive() -> _Silence:
    # Ctrl-C reaches every process of a terminal: the one that waits for this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return _silence_datatrove()


def _silence_datatrove() -> _Silence:
    from loguru import logger

    logger.disable("datatrove")
    return _Silence()


@contextmanager
def _progress(completions: Path, tasks: int, name: str) -> Iterator[None]:
    """Show how many tasks have left their mark in a folder, until the block ends."""
    with tqdm(total=tasks, desc=name, unit="part") as bar:
        ended = threading.Event()

        def follow() -> None:
            while not ended.wait(_POLL_SECONDS):
                bar.update(_count(completions) - bar.n)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            bar.update(_count(completions) - bar.n)


def _count(folder: Path) -> int:
    return len(list(folder.iterdir())) if folder.is_dir() else 0
