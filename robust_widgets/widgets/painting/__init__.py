"""The painting side: the raster that is the truth, and what shows it and listens."""
