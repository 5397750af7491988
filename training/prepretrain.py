"""Before pretraining: `python -m training.prepretrain --config NAME --data DIR --out DIR`.

Teaches a fresh model to find what it has seen, on random tokens that come twice (repetition.py);
of the data it needs the vocabulary alone. In the second half of the steps most tokens come several
times, and it takes those before one to find it. `python -m training.lookup --checkpoint` goes on
from there. Only the attention of two layers learns, with embeddings and norms: one writes beside
each token what came before it, the other looks that up. What all others would write is noise that
keeps a small model from finding it.
"""

from training.command import command
from training.freezing import freeze_all_but_attention
from training.random_tokens import RandomTokenBatches
from training.repetition import Repetition
from training.stage import open_stage, run_to_the_end
from training.trainer import Trainer

_LONGEST = 80
"""Tokens of a sequence in which each comes several times: at most."""


@command
def main() -> None:
    """Run the stage."""
    stage = open_stage("prepretrain", __doc__)
    layers = len(stage.model.model.layers)
    freeze_all_but_attention(stage.model, {layers // 3, layers * 2 // 3})
    config = stage.model.config
    plain, repeated = Repetition(config), Repetition(config, _LONGEST, repeated=True)
    phases = [[plain], [plain, repeated, repeated]]
    batches = RandomTokenBatches(phases, stage.settings, stage.processes)
    run_to_the_end(Trainer(stage.model, batches, stage.settings, stage.run, stage.processes))


if __name__ == "__main__":
    main()
