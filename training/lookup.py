"""After prepretrain: `python -m training.lookup --config C --checkpoint DIR --data DIR --out DIR`.

Teaches a model of training.prepretrain, before any text, to answer questions about random tokens
(random_lookups.py): in the first third of the steps the plainest, for among all kinds at once it
finds much later how, and in the last third also about long passages. The layers between its two
that learned learn as well: they bring what the question holds to where the answer begins.
`python -m training.pretrain --checkpoint` goes on from there.
"""

from training.command import command
from training.freezing import freeze_all_but_attention
from training.random_lookups import Lookups
from training.random_tokens import Maker, RandomTokenBatches
from training.repetition import Repetition
from training.stage import open_stage, run_to_the_end
from training.trainer import Trainer

_QUESTION_ROWS = 6
"""So many rows of questions stand for two of repetitions, so that these are not forgotten."""
_SHORT, _LONG = 24, 200
"""Words of a passage: at most. From short ones alone it does not learn to look far back."""


@command
def main() -> None:
    """Run the stage."""
    stage = open_stage("lookup", __doc__)
    config, layers = stage.model.config, len(stage.model.model.layers)
    freeze_all_but_attention(stage.model, range(layers // 3, layers * 2 // 3 + 1))
    tokenizer = stage.run.tokenizer
    repetitions: list[Maker] = [Repetition(config), Repetition(config, repeated=True)]
    lookups: list[Maker] = [
        Lookups(config, tokenizer, _SHORT, plain=True),
        Lookups(config, tokenizer, _SHORT),
        Lookups(config, tokenizer, _LONG),
    ]
    phases = [[*repetitions, *[lookup] * _QUESTION_ROWS] for lookup in lookups]
    batches = RandomTokenBatches(phases, stage.settings, stage.processes)
    run_to_the_end(Trainer(stage.model, batches, stage.settings, stage.run, stage.processes))


if __name__ == "__main__":
    main()
