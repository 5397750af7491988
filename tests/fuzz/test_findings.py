"""What the fuzzers start from, and what they found once, goes through their targets unharmed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from seeds import seeds
from targets import TARGETS, remove_folders

FOUND = Path(__file__).parents[1] / "data" / "fuzz"


@pytest.fixture(scope="module", autouse=True)
def _clean() -> Iterator[None]:
    yield
    remove_folders()


@pytest.mark.parametrize("target", TARGETS)
def test_inputs_are_read_or_refused(tmp_path: Path, target: str) -> None:
    seeds(tmp_path / "seeds", target)
    files = [*(tmp_path / "seeds").iterdir(), *(FOUND / target).glob("*")]
    assert files
    for file in files:
        data = file.read_bytes()
        TARGETS[target](data)
        TARGETS[target](data[: len(data) // 2])
