"""Shards of a large piece of work, spread over the machines of a cluster. Only this package imports Ray."""
