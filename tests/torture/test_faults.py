"""Whatever the system refuses, people are told in one sentence, and nothing is lost."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import ACTS, FAULTS, Actor, Fault, build_library, prepare, try_all

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="needs Linux and a C compiler"
)

_FAST = (
    ("message", "a disk that does not keep"),
    ("settings", "a full disk"),
    ("start", "a disk that does not read"),
    ("export-markdown", "files that cannot be renamed"),
)


@pytest.fixture(scope="module")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Actor]:
    actor = Actor(build_library(tmp_path_factory.mktemp("library")))
    yield actor
    actor.close()


@pytest.fixture
def template(tmp_path: Path, tiny_bundle: Path, act: str) -> Path:
    prepare(tmp_path / "template", act, tiny_bundle)
    return tmp_path / "template"


@pytest.mark.parametrize(("act", "name"), _FAST)
def test_a_fault_is_told(actor: Actor, act: str, name: str, template: Path) -> None:
    [fault] = [fault for fault in FAULTS if fault.name == name]
    outcome = try_all(actor, act, fault, template)
    assert outcome.wrong == []
    assert outcome.told


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("act", ACTS)
def test_no_fault_loses_anything(actor: Actor, act: str, fault: Fault, template: Path) -> None:
    outcome = try_all(actor, act, fault, template)
    print(f"{outcome.runs} runs", *sorted(outcome.told), sep="\n")
    assert outcome.wrong == []
