"""Compiles a network's forward pass and its gradient to the input for faster execution on CPUs.

`tracing` records both passes as a graph of ATen operations. `rewrites` folds constants, normalisations and fixed
filters into fewer operations. `backends` runs the result, in ONNX Runtime or in oneDNN. `engine` measures (`autotune`)
which backend is the fastest for each batch size, and falls back to the network itself.
"""
