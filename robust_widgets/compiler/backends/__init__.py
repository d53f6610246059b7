"""What runs a compiled graph."""

import os

# ONNX Runtime sends usage data to its maker and keeps an identifier of the machine, unless this is set before it is
# imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
