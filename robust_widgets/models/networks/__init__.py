"""Network architectures.

`smoothresnet` and `plainnet` are trained by this package; `architectures` builds them by name. `cifar` and
`wide_resnet` rebuild published networks, so that their checkpoints can be loaded.
"""
