"""Networks made ready for the step loop: fewer operations, the same answers.

A network is watched once for a size of picture (`graphs`), its batch normalisations and the picture's normalisation
are folded into its convolutions, and what is left runs either in torch or, where ONNX Runtime is installed, as two
graphs of its own: to the features, and from their gradient back to the picture (`onnx_graph`, `sessions`).
"""
