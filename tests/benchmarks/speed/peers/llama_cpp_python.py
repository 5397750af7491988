"""A program: llama.cpp through llama-cpp-python.

python -m speed.peers.llama_cpp_python MODEL.gguf THREADS CONTEXT
"""

import sys
from collections.abc import Sequence

from llama_cpp import Llama

from speed.serving import serve_peer, shared


class LlamaCpp:
    """See speed.serving.Peer. All settings but threads and context are llama.cpp's own."""

    def __init__(self, path: str, threads: int, context: int) -> None:
        self._llama = Llama(
            path,
            n_threads=threads,
            n_threads_batch=threads,
            n_ctx=context,
            flash_attn=True,  # as in llama.cpp itself; the Python package alone turns it off
            verbose=False,
        )

    def fill(self, tokens: Sequence[int]) -> None:
        llama = self._llama
        llama.n_tokens = shared(llama.input_ids[: llama.n_tokens].tolist(), tokens)
        if new := tokens[llama.n_tokens :]:
            llama.eval(new)

    def step(self, token: int) -> None:
        self._llama.eval([token])


if __name__ == "__main__":
    serve_peer(LlamaCpp(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
