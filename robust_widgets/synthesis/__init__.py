"""The algorithm: problem, step and loop, with objectives, constraints and steppers."""
