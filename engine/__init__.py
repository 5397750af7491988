"""Everything a chat needs without Qt and without torch."""

import os

__version__ = "0.1.0"

# Before anything loads onnxruntime: its official builds report their use to Microsoft otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
