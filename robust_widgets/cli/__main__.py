"""``python -m robust_widgets.cli`` is ``robust-widgets``."""

from robust_widgets.cli import app

app(prog_name="robust-widgets")
