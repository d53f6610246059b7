"""Training a robust classifier, and measuring one."""
