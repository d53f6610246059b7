"""Published classifiers by name: what is known of each, and its file, downloaded once."""
