"""How fast memory is read, and how much of it a decoding step has to read."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from engine.config import ModelConfig
from speed.measuring import timed

_BUFFER_BYTES = 1 << 28  # a thread's share, far above any cache
_READS = 7


def bytes_per_token(config: ModelConfig, depth: int) -> int:
    """Return the int8 bytes that one step reads: all matrices but the input embedding, the cache.

    Scales and norms (0.2 %) are left out.
    """
    query = config.num_attention_heads * config.head_dim
    key_value = config.num_key_value_heads * config.head_dim
    attention = config.hidden_size * 2 * (query + key_value)
    mlp = 3 * config.hidden_size * config.intermediate_size
    head = config.vocab_size * config.hidden_size
    return config.num_hidden_layers * (attention + mlp) + head + cache_bytes(config, depth)


def cache_bytes(config: ModelConfig, tokens: int) -> int:
    """Return the bytes of `tokens` in an int8 cache."""
    return 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * tokens


def read_bandwidth(threads: int) -> float:
    """Return the bytes a second at which all threads together read memory, best of several."""
    buffers = [np.ones(_BUFFER_BYTES // 8, np.int64) for _ in range(threads)]

    def read(buffer: NDArray[np.int64]) -> None:
        # The fastest of numpy's reductions in one thread; it lets other threads run.
        np.bitwise_or.reduce(buffer)

    with ThreadPoolExecutor(threads) as pool:
        seconds = min(timed(lambda: list(pool.map(read, buffers)))[0] for _ in range(_READS))
    return threads * _BUFFER_BYTES / seconds
