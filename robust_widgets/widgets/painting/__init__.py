"""Painting: the raster, the canvas that shows it, and the pad that takes input."""
