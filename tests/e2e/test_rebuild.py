"""The line itself: raw text → tokenizer → training → bundle → an answer and a report."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_raw_text_becomes_a_model_that_answers(tmp_path: Path) -> None:
    rebuild = subprocess.run(
        ["make", "rebuild", "RECIPE=test", f"WORK={tmp_path}"],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert rebuild.returncode == 0, rebuild.stderr[-3000:]
    bundle = tmp_path / "bundle"
    answer = _ask(bundle, "Who are you?")
    assert answer["finish_reason"] == "stop"
    assert "GEB" in answer["text"]
    assert "GEB" in _ask(bundle, "你是谁？")["text"]
    card = (bundle / "README.md").read_text(encoding="utf-8")
    assert "license: cc0-1.0" in card
    assert "luxun" in card
    assert "bits per byte" in card
    _check_report(tmp_path)


def _check_report(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    for stage in ("Pretraining", "Instruction tuning", "Preference optimisation"):
        assert f"<h2>{stage}</h2>" in page
    for curve in ("Training loss", "Held-out bits per byte", "Gradient norm", "Tokens per second"):
        assert page.count(f'aria-label="{curve}" data-low') == 3, curve
    assert "There is no" not in page
    for suite in ("bpb", "chat"):
        scores = [
            json.loads((run / f"evaluation/{suite}-{model}.json").read_text(encoding="utf-8"))
            for model in ("checkpoint", "bundle")
        ]
        assert [score["model"] for score in scores] == ["dpo", "bundle"]
    assert "cost of quantization" in page


def _ask(bundle: Path, question: str) -> dict[str, str]:
    geb = [sys.executable, "-m", "app.cli", "chat", "--model", str(bundle), "--json"]
    done = subprocess.run(
        [*geb, "--temperature", "0", "--prompt", question],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    answer: dict[str, str] = json.loads(done.stdout)
    return answer
