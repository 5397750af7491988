"""Instruction tuning: `python -m training.sft --config NAME --checkpoint DIR --data DIR --out DIR`.

Next-token prediction over whole conversations, on the tokens of the answers only.
"""

from training.command import command
from training.stage import run_stage


@command
def main() -> None:
    """Run the stage."""
    run_stage("sft", __doc__)


if __name__ == "__main__":
    main()
