"""Networks whose weights others publish, under the names that their files use.

The shapes and names are facts from the robustness library and RobustBench (both MIT licence); the code is our own. All
pool over the whole picture, so they take any size, and at their own size answer as the originals do.
"""
