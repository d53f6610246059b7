"""How well the tasks do what they promise, judged by a second model.

The judge is a classifier trained without adversarial training on the same data; it never takes part in the painting.
Every measurement starts from chosen pictures and seeds, so that it can be repeated.
"""
