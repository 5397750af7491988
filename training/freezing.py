"""Which parts of a model learn, where not all do."""

from collections.abc import Container

from training.model import GEB


def freeze_all_but_attention(model: GEB, learning: Container[int]) -> None:
    """Let all layers stay as they are but the attention of those numbered in `learning`.

    Embeddings and the last norm go on learning.
    """
    for place, layer in enumerate(model.model.layers):
        if place not in learning:
            layer.requires_grad_(False)
        layer.mlp.requires_grad_(False)
        layer.post_attention_layernorm.requires_grad_(False)
