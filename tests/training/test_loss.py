"""Losses by chunks are what the plain formulas give, gradients included."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.batches import IGNORED
from training.loss import CHUNK_ROWS, chunked_cross_entropy, chunked_distillation

HIDDEN_SIZE, VOCAB_SIZE = 16, 50


def inputs(rows: int, ignored: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return hidden states, a head, and targets of which the share `ignored` does not count."""
    torch.manual_seed(rows)
    hidden = torch.randn(rows, HIDDEN_SIZE, requires_grad=True)
    head = torch.randn(VOCAB_SIZE, HIDDEN_SIZE, requires_grad=True)
    targets = torch.randint(0, VOCAB_SIZE, (rows,))
    targets[torch.rand(rows) < ignored] = IGNORED
    return hidden, head, targets


def weights(targets: Tensor) -> Tensor:
    """Return a thousandth for each target that counts."""
    return (targets != IGNORED) / 1000


def assert_same(found: Tensor, expected: Tensor, inputs: tuple[Tensor, Tensor]) -> None:
    """Compare losses and their gradients."""
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    pairs = zip(
        torch.autograd.grad(2 * found, inputs),
        torch.autograd.grad(2 * expected, inputs),
        strict=True,
    )
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rows", [5, CHUNK_ROWS, 2 * CHUNK_ROWS + 300])
@pytest.mark.parametrize("ignored", [0.0, 0.1, 0.7, 1.0])
def test_cross_entropy(rows: int, ignored: float) -> None:
    hidden, head, targets = inputs(rows, ignored)
    plain = F.cross_entropy(hidden @ head.T, targets, ignore_index=IGNORED, reduction="sum")
    chunked = chunked_cross_entropy(hidden, head, targets, weights(targets))
    assert_same(chunked, plain / 1000, (hidden, head))


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("ignored", [0.0, 0.7])
def test_distillation(temperature: float, ignored: float) -> None:
    hidden, head, targets = inputs(CHUNK_ROWS + 300, ignored)
    taught, teacher_head = torch.randn(len(targets), 8), torch.randn(VOCAB_SIZE, 8)
    student, teacher = (
        F.log_softmax((states @ matrix.T)[targets != IGNORED] / temperature, dim=-1)
        for states, matrix in ((hidden, head), (taught, teacher_head))
    )
    plain = temperature**2 * F.kl_div(student, teacher, log_target=True, reduction="sum")
    chunked = chunked_distillation(
        hidden, head, taught, teacher_head, weights(targets), temperature
    )
    assert_same(chunked, plain / 1000, (hidden, head))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's compiler
def test_compiled_losses_are_the_same() -> None:
    hidden, head, targets = inputs(CHUNK_ROWS + 300, 0.3)
    plain, compiled = (
        chunked_cross_entropy(hidden, head, targets, weights(targets), compiled=flag)
        for flag in (False, True)
    )
    assert_same(compiled, plain, (hidden, head))


def test_the_loss_of_a_sure_prediction_keeps_its_gradient_in_bfloat16() -> None:
    hidden = torch.tensor([[9.0, 0.0]], dtype=torch.bfloat16, requires_grad=True)
    head = torch.eye(2, requires_grad=True)
    exact = F.cross_entropy(hidden.float() @ head.T, torch.tensor([0]))
    found = chunked_cross_entropy(hidden, head, torch.tensor([0]), torch.ones(1))
    (gradient,) = torch.autograd.grad(found, head)
    (expected,) = torch.autograd.grad(exact, head)
    torch.testing.assert_close(gradient, expected, rtol=0.02, atol=0)
