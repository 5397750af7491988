"""The program of the packages: the `geb` command, and the processes that it starts as itself."""

import sys
from multiprocessing import freeze_support

from engine.documents.sandbox import CHILD_ARGUMENT

freeze_support()  # a worker process starts as this program, too
if sys.argv[1:] == [CHILD_ARGUMENT]:
    from engine.documents.child import main
elif sys.argv[1:2] == ["--index-documents"]:  # see engine.documents.service
    from engine.documents.indexing.process import main
else:
    from app.cli import main
sys.exit(main())
