"""What each of two processes does in test_distributed: several runs, so that they start once.

`python two_processes.py DATA OUT`, with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT set.
"""

import sys
from pathlib import Path

import torch
from distributed_runs import ADAMW, BACKGROUND, POISONED, ROUNDED, SPIKED, dpo_trainer, workshop

from training.distributed import join, leave


def main(data: Path, out: Path) -> None:
    processes = join()
    shop = workshop(data, processes)
    stop_at = 3 if processes.rank == 0 else None
    shop.trainer(out / "muon", BACKGROUND).train()
    shop.trainer(out / "from-two", ADAMW, stop_at=stop_at).train()
    shop.trainer(out / "from-one", ADAMW, resume=True).train()
    shop.trainer(out / "spiked", SPIKED, poisoned=POISONED).train()
    shop.trainer(out / "rounded", ROUNDED).train()
    dpo_trainer(shop, out / "dpo").train()
    leave()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
