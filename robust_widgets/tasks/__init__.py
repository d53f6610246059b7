"""The tasks, one module each: the declaration, the function and the problem that it solves.

A module with a ``SPEC`` is a task as soon as it is here; see `robust_widgets.interface.tasks`. Such a module imports
torch, and whatever needs it, inside functions only. The package ``running`` holds what the tasks share.
"""
