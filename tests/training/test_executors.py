"""Where data preparation runs: the answer is the same in one process, in several and on Slurm."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError, DataError
from training.executors import Executor

ROOT = Path(__file__).parents[2]
SBATCH = """#!{python}
import os, re, subprocess, sys
script = open(sys.argv[-1]).read()
assert "#SBATCH --wait" in script and "#SBATCH --partition=cpu" in script
last = re.search(r"--array=0-(\\d+)", script)[1]
codes = []
for task in range(int(last) + 1):
    task_of = {{"SLURM_ARRAY_TASK_ID": str(task), "SLURM_JOB_ID": "7", "SLURM_NODELIST": "here"}}
    environment = {{**os.environ, **task_of}}
    job = subprocess.run(["bash", sys.argv[-1]], env=environment, capture_output=True)
    codes.append(job.returncode)
print("Submitted batch job 7")
sys.exit(max(codes))
"""
SRUN = '#!/bin/bash\nwhile [ "$1" != "-n" ]; do shift; done\nshift 2\nexec "$@"\n'


class _Write:
    """Writes its rank and what came before it; the rank `broken` fails."""

    def __init__(self, folder: Path, broken: int = -1) -> None:
        self.folder, self.broken = folder, broken

    def __call__(self, data: Iterator[int], rank: int, world_size: int) -> None:
        if rank == self.broken:
            raise DataError("{path} is damaged.", path=self.folder)
        (self.folder / f"{rank}.txt").write_text(f"{sum(data)} of {world_size}")


def _numbers(_data: Any, rank: int, _world_size: int) -> Iterator[int]:
    yield from range(rank + 2)


def _answers(folder: Path) -> list[str]:
    return [path.read_text() for path in sorted(folder.glob("*.txt"))]


def test_every_task_runs_once_in_this_process(tmp_path: Path) -> None:
    Executor(workers=1, logs=tmp_path / "logs").run([_numbers, _Write(tmp_path)], 3, "count")
    assert _answers(tmp_path) == ["1 of 3", "3 of 3", "6 of 3"]


_SLEEPING = """
import sys, time
from pathlib import Path
from training.command import command
from training.executors import Executor
def _sleep(_data, rank, _world_size):
    Path(sys.argv[1], f"{rank}.txt").touch()
    time.sleep(60)
if __name__ == "__main__":
    executor = Executor(workers=2, logs=Path(sys.argv[1], "logs"))
    command(lambda: executor.run([_sleep], 2, "sleep"))()
"""


def test_a_command_that_is_told_to_stop_leaves_no_process(tmp_path: Path) -> None:
    script = tmp_path / "sleeping.py"
    script.write_text(_SLEEPING)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, script, tmp_path], env=environment, start_new_session=True
    ) as child:
        _wait_until(lambda: len(_answers(tmp_path)) == 2 or child.poll() is not None)
        child.terminate()
        assert child.wait(20) == 128 + signal.SIGTERM
    _wait_until(lambda: not _group_lives(child.pid))


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_a_process_raises_is_raised_here(tmp_path: Path) -> None:
    executor = Executor(workers=2, logs=tmp_path / "logs")
    with pytest.raises(DataError, match="is damaged"):
        executor.run([_numbers, _Write(tmp_path, broken=1)], 3, "count")


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Executor:
    """Stand in for a cluster: `sbatch --wait`, `srun` and `scontrol`, one task after another."""
    programs = tmp_path / "bin"
    programs.mkdir()
    sbatch = SBATCH.format(python=sys.executable)
    scontrol = "#!/bin/bash\necho here\n"
    for name, text in (("sbatch", sbatch), ("srun", SRUN), ("scontrol", scontrol)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{Path(__file__).parent}")
    return Executor(kind="slurm", workers=2, partition="cpu", logs=tmp_path / "logs")


def test_slurm_jobs_are_submitted_and_waited_for(tmp_path: Path, slurm: Executor) -> None:
    slurm.run([_numbers, _Write(tmp_path)], 2, "count")
    assert _answers(tmp_path) == ["1 of 2", "3 of 2"]


@pytest.mark.slow
def test_a_failed_slurm_task_is_reported_and_the_others_stay(
    tmp_path: Path, slurm: Executor
) -> None:
    with pytest.raises(DataError, match="1 of 2 tasks of the step count failed"):
        slurm.run([_numbers, _Write(tmp_path, broken=0)], 2, "count")
    assert _answers(tmp_path) == ["3 of 2"]


def test_without_slurm_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="login node"):
        Executor(kind="slurm", workers=1, partition="cpu", logs=tmp_path).run([_numbers], 1, "x")


@pytest.mark.parametrize(
    "options", [{"kind": "cloud"}, {"workers": -1}, {"partition": "cpu"}, {"kind": "slurm"}]
)
def test_contradictory_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Executor(**options)
