"""Speed of a step next to other packages."""
