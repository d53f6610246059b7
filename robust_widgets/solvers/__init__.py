"""Ways to run the step loop: recorded, chained, best of several."""
