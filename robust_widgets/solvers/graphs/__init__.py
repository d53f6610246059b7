"""Steps recorded once and replayed, so that neither a GPU nor a processor ever waits for Python.

A step is recorded over buffers that stay where they are: the picture, and every number and tensor that its objective,
constraint and stepper hold (`held`). Another run of the same structure writes its own values into them and replays
(`captures`). What records and replays (`recording`) is a CUDA graph on a GPU (`cuda_graph`), and a graph of ONNX
Runtime on a processor (`cpu_graph`). The step itself is the step loop's own.
"""
