"""Whether this computer's processor can run a model."""

import platform

import numpy as np

from engine.errors import GenerationError

_X86 = ("x86_64", "amd64", "i686", "x86")
_AVX2 = {"AVX2", "X86_V3"}  # numpy names the group since 2.4


def check_processor() -> None:
    """Raise GenerationError on an x86 processor without AVX2: onnxruntime's int8 needs it."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    available = {*extensions.get("baseline", ()), *extensions.get("found", ())}
    if platform.machine().lower() in _X86 and not available & _AVX2:
        raise GenerationError(
            "This computer's processor is too old: it lacks AVX2, which Intel's have had since "
            "2013 and AMD's since 2015."
        )
