"""The arithmetic of training: optimiser and schedule."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from training.optimizer import Muon, learning_rate_scale, orthogonalise
from training.settings import StageSettings


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(48, 48), (24, 96), (96, 24)])
def test_orthogonalise_brings_all_singular_values_near_one(
    shape: tuple[int, int], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape).to(dtype)).float())
    assert values.min() > 0.3
    assert values.max() < 1.3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_muon_learns_a_linear_map(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    truth, x = torch.randn(16, 16), torch.randn(256, 16)
    layer = nn.Linear(16, 16, bias=False)
    optimizer = Muon(layer.parameters(), lr=0.2, dtype=dtype)
    losses = []
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.2 * (1 - step / 200)
        loss = F.mse_loss(layer(x), x @ truth.T)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 50


def test_schedules_warm_up_stay_and_come_down() -> None:
    wsd = StageSettings(
        steps=100, batch_size=1, sequence_length=8, warmup_steps=10, decay_fraction=0.2
    )
    scales = [learning_rate_scale(step, 100, wsd) for step in range(100)]
    assert scales[0] == pytest.approx(0.1)
    assert scales[10:80] == [1.0] * 70
    assert scales[99] == pytest.approx(0.05)
    cosine = StageSettings(
        steps=100, batch_size=1, sequence_length=8, warmup_steps=10, schedule="cosine"
    )
    curve = [learning_rate_scale(step, 100, cosine) for step in range(10, 100)]
    assert curve == sorted(curve, reverse=True)
    assert curve[0] == pytest.approx(1.0)
    assert curve[-1] == pytest.approx(0.1, abs=0.01)
    constant = StageSettings(
        steps=100, batch_size=1, sequence_length=8, warmup_steps=10, schedule="constant"
    )
    assert [learning_rate_scale(step, 100, constant) for step in (0, 9, 10, 99)] == [0.1, 1, 1, 1]
