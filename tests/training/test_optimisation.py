"""The arithmetic of training: loss, optimiser, schedule."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from training.batches import IGNORED
from training.loss import CHUNK_ROWS, chunked_cross_entropy
from training.optimizer import Muon, learning_rate_scale, orthogonalise
from training.settings import StageSettings


def test_chunked_cross_entropy_equals_the_plain_one_with_its_gradients() -> None:
    torch.manual_seed(0)
    rows, hidden_size, vocab_size = CHUNK_ROWS + 300, 16, 50
    hidden = torch.randn(rows, hidden_size, requires_grad=True)
    weight = torch.randn(vocab_size, hidden_size, requires_grad=True)
    targets = torch.randint(0, vocab_size, (rows,))
    targets[::7] = IGNORED
    plain = F.cross_entropy(hidden @ weight.T, targets, ignore_index=IGNORED)
    expected = torch.autograd.grad(2 * plain, (hidden, weight))
    chunked = chunked_cross_entropy(hidden, weight, targets)
    found = torch.autograd.grad(2 * chunked, (hidden, weight))
    assert chunked.item() == pytest.approx(plain.item(), rel=1e-5)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(48, 48), (24, 96), (96, 24)])
def test_orthogonalise_brings_all_singular_values_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
    assert values.min() > 0.3
    assert values.max() < 1.3


def test_muon_learns_a_linear_map() -> None:
    torch.manual_seed(0)
    truth, x = torch.randn(16, 16), torch.randn(256, 16)
    layer = nn.Linear(16, 16, bias=False)
    optimizer = Muon(layer.parameters(), lr=0.2)
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
    scales = [learning_rate_scale(step, wsd) for step in range(100)]
    assert scales[0] == pytest.approx(0.1)
    assert scales[10:80] == [1.0] * 70
    assert scales[99] == pytest.approx(0.05)
    cosine = StageSettings(
        steps=100, batch_size=1, sequence_length=8, warmup_steps=10, schedule="cosine"
    )
    curve = [learning_rate_scale(step, cosine) for step in range(10, 100)]
    assert curve == sorted(curve, reverse=True)
    assert curve[0] == pytest.approx(1.0)
    assert curve[-1] == pytest.approx(0.1, abs=0.01)
