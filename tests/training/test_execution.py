"""However a model is run, its loss and gradients are the same."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounterWithBackend
from training_helpers import SETTINGS

from engine.config import ModelConfig
from training.distributed import Processes
from training.execution import compute_dtype, prepare
from training.loss import chunked_cross_entropy
from training.model import GEB
from training.settings import StageSettings

# What torch's compiler does to itself, as the tests of others see it.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor", "ignore::DeprecationWarning"
)


def loss_and_gradients(
    config: ModelConfig, settings: StageSettings
) -> tuple[Tensor, dict[str, Tensor | None]]:
    """Train on one batch of packed documents."""
    torch.manual_seed(0)
    model = GEB(config)
    prepare(model, settings, Processes(device=torch.device("cpu")))
    tokens = torch.randint(0, config.vocab_size, (2, 65))
    documents = torch.cumsum(torch.rand(2, 64) < 0.1, 1)

    targets = tokens[:, 1:].flatten()

    def reduce(hidden: Tensor, head: Tensor) -> Tensor:
        return chunked_cross_entropy(
            hidden.flatten(0, 1), head, targets, torch.full((128,), 1 / 128)
        )

    loss = model(tokens[:, :-1], documents, reduce)
    loss.backward()
    return loss.detach(), {name: p.grad for name, p in model.named_parameters()}


def test_recomputed_it_stays_the_same_to_the_bit(tiny_config: ModelConfig) -> None:
    settings = replace(SETTINGS, activation_checkpointing=True)
    found = loss_and_gradients(tiny_config, settings)
    torch.testing.assert_close(found, loss_and_gradients(tiny_config, SETTINGS), rtol=0, atol=0)


@pytest.mark.parametrize("recomputes", [False, True])
def test_all_blocks_share_one_compilation_and_stay_the_same(
    recomputes: bool, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch._dynamo.reset()
    counter = CompileCounterWithBackend("aot_eager")
    compile_part = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda part: compile_part(part, backend=counter)
    )
    config = replace(tiny_config, num_hidden_layers=12)
    settings = replace(SETTINGS, activation_checkpointing=recomputes, compile="on")
    found, plain = loss_and_gradients(config, settings), loss_and_gradients(config, SETTINGS)
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-6)
    assert counter.frame_count == 2  # a block and the final norm


@pytest.mark.slow
@pytest.mark.parametrize("recomputes", [False, True])
def test_compiled_code_computes_the_same(recomputes: bool, tiny_config: ModelConfig) -> None:
    settings = replace(SETTINGS, activation_checkpointing=recomputes, compile="on")
    found, plain = (loss_and_gradients(tiny_config, how) for how in (settings, SETTINGS))
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-6)


def test_bfloat16_computes_nearly_the_same_and_keeps_float32_weights(
    tiny_config: ModelConfig,
) -> None:
    loss, gradients = loss_and_gradients(tiny_config, SETTINGS)
    settings = replace(SETTINGS, precision="bfloat16")
    rounded_loss, rounded = loss_and_gradients(tiny_config, settings)
    assert compute_dtype(settings, torch.device("cpu")) == torch.bfloat16
    torch.testing.assert_close(rounded_loss, loss, rtol=1e-2, atol=0)
    assert not torch.equal(rounded_loss, loss)
    for name, gradient in gradients.items():
        other = rounded[name]
        assert gradient is not None
        assert other is not None
        assert other.dtype == torch.float32
        assert (other - gradient).norm() < 0.05 * gradient.norm()
