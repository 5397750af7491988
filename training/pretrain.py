"""Pretraining: `python -m training.pretrain --config NAME --data DIR --out DIR`.

Next-token prediction over packed documents, from fresh weights or a checkpoint (--resume).
"""

from training.command import command
from training.stage import run_stage


@command
def main() -> None:
    """Run the stage."""
    run_stage("pretrain", __doc__)


if __name__ == "__main__":
    main()
