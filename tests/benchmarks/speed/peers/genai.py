"""A program: onnxruntime-genai on a folder of its own model builder.

python -m speed.peers.genai FOLDER THREADS CONTEXT
"""

import json
import sys
from collections.abc import Sequence

import onnxruntime_genai as genai

from speed.serving import serve_peer, shared


class Genai:
    """See speed.serving.Peer. All settings but threads and context are the builder's own."""

    def __init__(self, path: str, threads: int, context: int) -> None:
        config = genai.Config(path)
        session = {"session_options": {"intra_op_num_threads": threads}}
        config.overlay(json.dumps({"model": {"decoder": session}}))
        model = genai.Model(config)
        parameters = genai.GeneratorParams(model)
        parameters.set_search_options(max_length=context, do_sample=False)
        self._generator = genai.Generator(model, parameters)
        self._tokens: list[int] = []

    def fill(self, tokens: Sequence[int]) -> None:
        kept = shared(self._tokens, tokens)
        self._generator.rewind_to(kept)
        self._tokens = list(tokens)
        if new := tokens[kept:]:
            self._generator.append_tokens(new)

    def step(self, token: int) -> None:
        self._tokens.append(token)
        self._generator.append_tokens([token])


if __name__ == "__main__":
    serve_peer(Genai(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
