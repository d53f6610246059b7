"""Classifiers: their networks, their files, their names."""
