"""Speed of a step in comparison with other packages."""
