"""Before pretraining: `python -m training.prepretrain --config NAME --data DIR --out DIR`.

Teaches a fresh model to find what it has seen, on random tokens (see repetition.py); of the data
it needs the vocabulary alone. `python -m training.pretrain --checkpoint` goes on from there.
"""

from training.command import command
from training.repetition import RepetitionBatches
from training.stage import open_stage, run_to_the_end
from training.trainer import Trainer


@command
def main() -> None:
    """Run the stage."""
    stage = open_stage("prepretrain", __doc__)
    batches = RepetitionBatches(stage.model.config, stage.settings, stage.processes)
    run_to_the_end(Trainer(stage.model, batches, stage.settings, stage.run, stage.processes))


if __name__ == "__main__":
    main()
