"""Adversarial training, and accuracy under attack."""
