"""Traces of a network's forward and backward pass."""
