"""Classifiers: architectures, weights files, model cards, and loading them by name."""
