"""Quality of the pictures that the tasks make, as judged by a second model, and model cards.

The judge is a classifier trained on the same data without adversarial training; it takes no part in the painting. All
measurements use fixed pictures and seeds, so they are reproducible.
"""
