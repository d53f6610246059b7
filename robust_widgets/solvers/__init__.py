"""Ways to run the step loop: compiled, chained, best of several."""
