"""Models that others made: their files read safely, their networks rebuilt, their penultimate layer found."""
