"""Steps recorded once and replayed, so that the device never waits for Python.

A step is recorded over buffers at fixed addresses: the picture, and each number and tensor of its objective, constraint
and stepper (`pytree`). A run of the same structure writes its own values into them and replays (`step_graph`). The
backend is a CUDA graph on a GPU (`cuda_graph`), and a graph of ONNX Runtime on a CPU (`cpu_graph`). The step itself is
that of the step loop.
"""
