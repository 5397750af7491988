"""Pretraining: `python -m training.pretrain --config NAME [--checkpoint DIR] --data DIR --out DIR`.

Next-token prediction over packed documents, with [pretrain.blend] over conversations too, from
fresh weights, those of an earlier stage (--checkpoint) or where a run stopped (--resume), with
a teacher or without. Under torchrun it runs in several processes.
"""

from training.command import command
from training.settings import PretrainSettings
from training.stage import open_stage, run_to_the_end
from training.teacher import InheritingTrainer, open_teacher
from training.trainer import Trainer


@command
def main() -> None:
    """Run the stage."""
    stage = open_stage("pretrain", __doc__)
    settings = stage.settings
    assert isinstance(settings, PretrainSettings)  # noqa: S101 - by the name of the stage
    if stage.teacher is None:
        run_to_the_end(Trainer(stage.model, stage.batches(), settings, stage.run, stage.processes))
        return
    teacher = open_teacher(stage.teacher, stage.model.config, stage.run.tokenizer)
    run_to_the_end(
        InheritingTrainer(
            stage.model, teacher, stage.batches(), settings, stage.run, stage.processes
        )
    )


if __name__ == "__main__":
    main()
