"""Classifiers that others have published: what is known of each, and its file, downloaded once."""
