"""One toy model in both forms, for every suite."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.config import ModelConfig
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.model import GEB


@pytest.fixture(scope="session")
def model(tiny_config: ModelConfig) -> GEB:
    """Random weights, large enough for clear preferences."""
    torch.manual_seed(0)
    model = GEB(tiny_config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(4)
    return model


@pytest.fixture(scope="session")
def models(
    model: GEB,
    tokenizer: Tokenizer,
    build_bundle: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """The same model in both forms, the bundle in float32."""
    folder = tmp_path_factory.mktemp("models")
    checkpoint.save(folder / "checkpoint", model, tokenizer, {}, checkpoint.Progress(1, 0, {}), [])
    tensors = model.state_dict()

    def weights(name: str) -> NDArray[np.float32]:
        array: NDArray[np.float32] = tensors[name].numpy()
        return array

    bundle = build_bundle(folder / "bundle", weights=weights)
    return {"checkpoint": folder / "checkpoint", "bundle": bundle}
