"""External checkpoints and networks: read safely, matched to an architecture, wrapped as a classifier."""
