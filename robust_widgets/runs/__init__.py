"""Recorded runs: their data, files, playback, and outputs in notebooks."""
