"""Networks made ready for the step loop: fewer operations, the same answers.

A network is watched once for a size of picture (`recorder`, `graphs`), its batch normalisations and the picture's
normalisation are folded into its convolutions (`folding`, `straightening`, `products`), and what is left is cut into
two graphs: to the answers, and from their gradient back to the picture. These run in torch, with whole activations
(`activations`); in oneDNN's joined operations (`onednn`); or in ONNX Runtime, where
that is installed (`onnx_graph`, `sessions`). Which is the fastest is measured (`choice`, `engine`).
"""
