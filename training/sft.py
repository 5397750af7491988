"""Instruction tuning: `python -m training.sft --config NAME --checkpoint DIR --data DIR --out DIR`.

Next-token prediction over whole conversations, on the tokens of the answers; with [sft.blend]
some rows are text, and all other tokens have a share of the loss.
"""

from training.command import command
from training.stage import open_stage, run_to_the_end
from training.trainer import Trainer


@command
def main() -> None:
    """Run the stage."""
    stage = open_stage("sft", __doc__)
    run_to_the_end(
        Trainer(stage.model, stage.batches(), stage.settings, stage.run, stage.processes)
    )


if __name__ == "__main__":
    main()
