"""Before pretraining: `python -m training.prepretrain --config NAME --data DIR --out DIR`.

Teaches a fresh model to find what it has seen, on random tokens (see repetition.py); of the data
it needs the vocabulary alone. `python -m training.pretrain --checkpoint` goes on from there.
Only the attention of two layers learns, with embeddings and norms: one writes beside each token
what came before it, the other looks that up. What all others would write is noise that keeps a
small model from finding it.
"""

from training.command import command
from training.model import GEB
from training.repetition import RepetitionBatches
from training.stage import open_stage, run_to_the_end
from training.trainer import Trainer


@command
def main() -> None:
    """Run the stage."""
    stage = open_stage("prepretrain", __doc__)
    freeze_all_but_two_attentions(stage.model)
    batches = RepetitionBatches(stage.model.config, stage.settings, stage.processes)
    run_to_the_end(Trainer(stage.model, batches, stage.settings, stage.run, stage.processes))


def freeze_all_but_two_attentions(model: GEB) -> None:
    """Let all layers stay as they are but the attention of those at one and two thirds."""
    layers = model.model.layers
    learning = {len(layers) // 3, len(layers) * 2 // 3}
    for place, layer in enumerate(layers):
        if place not in learning:
            layer.requires_grad_(False)
        layer.mlp.requires_grad_(False)
        layer.post_attention_layernorm.requires_grad_(False)


if __name__ == "__main__":
    main()
