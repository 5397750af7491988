"""The model at work: one onnxruntime session, and the key-value cache that is bound to it.

Past and present of a layer share one buffer, so a step writes only its own tokens. Graphs of
plain operators, as others publish them, return a longer copy instead; they run too, slower.
"""

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from engine.bundle import Bundle
from engine.errors import BundleError, GenerationError
from engine.kv_cache import GrowingCache, KeyValueCache, most_shared
from engine.processor import check_processor
from engine.quantization import EXACT_PRODUCTS

MAX_CACHES = 3
"""So many conversations can be gone back to without reading them again."""
_LEAST_CONTEXT = 128
_LOG_FATAL_ONLY = 4  # all other errors arrive as exceptions
_SPIN_MICROSECONDS = "50"
_LOAD_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """A forward was ended by `Model.interrupt`; the cache is as it was before it."""


class Model:
    """Next-token logits of a growing token sequence. For use by one thread at a time.

    `num_threads` None takes the physical cores; `context_length` None takes what the model
    was built for, and a longer one is cut to that. If memory is short the context is halved
    until its cache fits: `context_length` may end below `wanted_context_length`.
    Raises BundleError if onnxruntime refuses the graph, GenerationError if there is no memory
    or the processor is too old.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        num_threads: int | None = None,
        context_length: int | None = None,
    ) -> None:
        inputs = bundle.graph.inputs
        first_cache = inputs["past_key_values.0.key"]
        longest = first_cache.shape[2] or bundle.config.max_position_embeddings
        self.wanted_context_length = min(context_length or longest, longest)
        self._session = _open_session(bundle, num_threads or physical_cores())
        self._binding = self._session.io_binding()
        heads, size = bundle.config.num_key_value_heads, bundle.config.head_dim
        self._cache_shape = (2 * bundle.config.num_hidden_layers, 1, heads, size)
        self._cache_type = np.dtype(first_cache.dtype)
        self._writes_in_place = "GroupQueryAttention" in bundle.graph.operators
        self.context_length = self.wanted_context_length
        self._caches = [self._first_cache(shrinkable=first_cache.shape[2] is None)]
        """Latest used first; the first one is bound."""
        self._bind_cache()
        self._attention_mask = np.ones((1, self.context_length), np.int64)
        self._input_ids = self._position_ids = np.zeros((1, 0), np.int64)
        self._num_logits = np.ones(1, np.int64)
        self._takes_positions = "position_ids" in inputs
        self._last_logits_only = "num_logits_to_keep" in inputs
        self._vocab_size = bundle.config.vocab_size
        self._logits = np.empty((1, 0, self._vocab_size), np.float32)
        if self._last_logits_only:
            self._bind_input("num_logits_to_keep", self._num_logits)
        self.verifies_drafts = self._last_logits_only and bundle.graph.batch_invariant
        """Several tokens at once have exactly the logits of one at a time."""
        self._run_options = ort.RunOptions()
        self._interrupted = False

    @property
    def tokens(self) -> list[int]:
        """The tokens in the cache."""
        return self._caches[0].tokens

    @property
    def length(self) -> int:
        """Number of tokens in the cache."""
        return len(self.tokens)

    def reuse(self, prompt: Sequence[int]) -> None:
        """Leave in the cache what it shares with `prompt`, and nothing else.

        Where more would be forgotten than kept, what is shared goes to another cache, that of
        the conversation that was left alone the longest: the reader may come back to this one.
        """
        best, shared = most_shared(self._caches, prompt)
        source = self._caches[best]
        if len(source.tokens) - shared > shared:
            best = self._free_cache()
            self._caches[best].copy_from(source, shared)
        if best > 0:
            self._caches.insert(0, self._caches.pop(best))
            self._bind_cache()
        self.truncate(shared)

    def forward(self, token_ids: Sequence[int]) -> NDArray[np.float32]:
        """Append tokens to the cache and return the logits [vocab_size] that follow the last one.

        The array is valid until the next call. Raises GenerationError if the tokens do not
        fit the context, or if the model computes something that is no number (the cache is
        then forgotten), and Interrupted if `interrupt` was called.
        """
        last: NDArray[np.float32] = self._run(token_ids, 1)[-1]
        return last

    def forward_all(self, token_ids: Sequence[int]) -> NDArray[np.float32]:
        """As `forward`, but return the logits [len(token_ids), vocab_size] after each token."""
        return self._run(token_ids, len(token_ids))

    def _run(self, token_ids: Sequence[int], num_logits: int) -> NDArray[np.float32]:
        past, new = len(self.tokens), len(token_ids)
        total = past + new
        if total > self.context_length:
            raise GenerationError(
                "The context is full: {total} tokens do not fit into {limit}.",
                total=total,
                limit=self.context_length,
            )
        self._bind_step(token_ids, past, num_logits)
        present = None if self._writes_in_place else self._bind_growing_cache(total)
        # Published before the flag is read: whoever interrupts from now on ends this run.
        self._run_options = options = ort.RunOptions()
        if self._interrupted:
            raise Interrupted
        try:
            self._session.run_with_iobinding(self._binding, options)
        except RuntimeError as error:
            if self._interrupted:
                raise Interrupted from error
            raise
        if present is not None:
            self._caches[0].buffers = present
        self.tokens.extend(token_ids)
        logits: NDArray[np.float32] = self._logits[0, -num_logits:]
        if not np.isfinite(logits.max()):  # one NaN makes the maximum NaN
            self.truncate(0)
            raise GenerationError(
                "The model computed something that is no number; its files may be damaged."
            )
        return logits

    def _bind_step(self, token_ids: Sequence[int], past: int, num_logits: int) -> None:
        new = len(token_ids)
        self._input_ids = np.array([token_ids], np.int64)
        self._bind_input("input_ids", self._input_ids)
        self._bind_input("attention_mask", self._attention_mask[:, : past + new])
        if self._takes_positions:
            self._position_ids = np.arange(past, past + new, dtype=np.int64)[None]
            self._bind_input("position_ids", self._position_ids)
        rows = num_logits if self._last_logits_only else new
        self._num_logits[0] = rows
        if self._logits.shape[1] != rows:
            self._logits = np.empty((1, rows, self._vocab_size), np.float32)
            self._bind_output("logits", self._logits)

    def interrupt(self) -> None:
        """End the forward that is running, and refuse others, until `resume`; from any thread."""
        self._interrupted = True
        self._run_options.terminate = True

    def resume(self) -> None:
        """Allow forwards again."""
        self._interrupted = False

    def truncate(self, length: int) -> None:
        """Forget what the cache holds beyond its first `length` tokens."""
        self._caches[0].truncate(length)

    def close(self) -> None:
        """Free the weights and the cache; the model cannot be used any more."""
        del self._binding, self._session, self._caches

    def _first_cache(self, *, shrinkable: bool) -> KeyValueCache:
        while True:
            try:
                return self._new_cache()
            except MemoryError as error:
                self.context_length //= 2
                if not shrinkable or self.context_length < _LEAST_CONTEXT:
                    raise GenerationError(
                        "There is not enough free memory for this model; close other programs."
                    ) from error

    def _free_cache(self) -> int:
        """Return the index of a new cache, or of the oldest where there can be no more."""
        for index, cache in enumerate(self._caches):
            if not cache.tokens:
                return index
        if len(self._caches) < MAX_CACHES:
            with suppress(MemoryError):
                self._caches.append(self._new_cache())
        return len(self._caches) - 1

    def _new_cache(self) -> KeyValueCache:
        buffers, batch, heads, size = self._cache_shape
        shape = (batch, heads, self.context_length, size)
        if buffers * math.prod(shape) * self._cache_type.itemsize > _available_memory():
            raise MemoryError
        if not self._writes_in_place:
            return GrowingCache([self._empty_cache(0) for _ in range(buffers)])
        return KeyValueCache([np.zeros(shape, self._cache_type) for _ in range(buffers)])

    def _empty_cache(self, length: int) -> NDArray[np.generic]:
        _, batch, heads, size = self._cache_shape
        return np.empty((batch, heads, length, size), self._cache_type)

    def _bind_cache(self) -> None:
        if self._writes_in_place:
            self._bind_past_and_present(self._caches[0].buffers, self._caches[0].buffers)

    def _bind_growing_cache(self, length: int) -> list[NDArray[np.generic]]:
        """Return the buffers that will hold `length` tokens after the run."""
        past = self._caches[0].buffers
        present = [self._empty_cache(length) for _ in past]
        self._bind_past_and_present(past, present)
        return present

    def _bind_past_and_present(
        self, past: list[NDArray[np.generic]], present: list[NDArray[np.generic]]
    ) -> None:
        for index, (before, after) in enumerate(zip(past, present, strict=True)):
            name = f"{index // 2}.{'value' if index % 2 else 'key'}"
            self._bind_input(f"past_key_values.{name}", before)
            self._bind_output(f"present.{name}", after)

    def _bind_input(self, name: str, array: NDArray[np.generic]) -> None:
        # By address: nothing is copied. Every bound array starts a contiguous run.
        self._binding.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)

    def _bind_output(self, name: str, array: NDArray[np.generic]) -> None:
        self._binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)


def physical_cores() -> int:
    """Return how many physical cores this process may use; 0 leaves the count to onnxruntime."""
    if not hasattr(os, "sched_getaffinity"):
        return 0
    cores = set()
    for cpu in os.sched_getaffinity(0):
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        # Where the kernel does not say, each logical processor counts as a core.
        cores.add(topology.read_text(encoding="ascii") if topology.exists() else str(cpu))
    return len(cores)


def _open_session(bundle: Bundle, num_threads: int) -> ort.InferenceSession:
    check_processor()
    options = ort.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_FATAL_ONLY
    # Waiting for the next node of the graph without going to sleep is a fifth faster. Longer
    # waits would take a busy desktop's cores from everybody else, and from the engine.
    options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_MICROSECONDS)
    if EXACT_PRODUCTS not in bundle.graph.metadata:
        # On processors without VNNI fast products saturate. Exact ones need other weights:
        # onnxruntime converts them when it loads them, which takes time and memory.
        options.add_session_config_entry("session.x64quantprecision", "1")
    # A folder must not smuggle in onnxruntime's own format, which nobody checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return ort.InferenceSession(bundle.model_path, options, providers=["CPUExecutionProvider"])
    except MemoryError as error:
        raise GenerationError(
            "There is not enough free memory for this model; close other programs."
        ) from error
    except _LOAD_ERRORS as error:
        raise BundleError(
            "The model {name} cannot be opened: its graph is damaged, or made for another version "
            "of onnxruntime.",
            name=bundle.name,
        ) from error


def _available_memory() -> float:
    """Return the bytes that can be used without swapping; infinity where the system is silent."""
    path = Path("/proc/meminfo")
    if not path.exists():
        return float("inf")
    lines = path.read_text(encoding="ascii").splitlines()
    kilobytes = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), "inf")
    return float(kilobytes) * 1024
