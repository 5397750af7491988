"""The program of the packages: the `geb` command."""

import sys
from multiprocessing import freeze_support

from app.cli import main

freeze_support()  # a worker process starts as this program, too
sys.exit(main())
