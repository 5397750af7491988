"""A program: the first token after a start, as the application comes to it.

python -m speed.startup BUNDLE THREADS
"""

import sys
from pathlib import Path
from queue import SimpleQueue

from engine.events import Done, Event, Failed
from engine.sampling import SamplingParams
from engine.worker import EngineWorker
from speed.serving import tell


def main() -> None:
    """Answer a greeting with one token; whoever waits for the line has the time."""
    events: SimpleQueue[Event] = SimpleQueue()
    worker = EngineWorker(events.put)
    worker.load(Path(sys.argv[1]), num_threads=int(sys.argv[2]))
    worker.generate([{"role": "user", "content": "你好"}], SamplingParams(max_new_tokens=1))
    while not isinstance(event := events.get(), Done):
        if isinstance(event, Failed):
            raise event.error
    tell({"tokens": event.usage.completion_tokens})
    worker.close()


if __name__ == "__main__":
    main()
