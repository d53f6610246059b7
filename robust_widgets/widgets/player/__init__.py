"""The player: the live view of a run, recorded runs, and their snapshot in the notebook."""
