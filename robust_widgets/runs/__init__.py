"""What becomes of a run once it is recorded: files of several kinds, and what a player or a notebook shows.

`contents` is what a saved run says of itself; `saving`, `archive` and `video` write and read files; `recording` is what
a player is handed; `strip`, `embed` and `displayed` are what a notebook keeps. No torch here.
"""
