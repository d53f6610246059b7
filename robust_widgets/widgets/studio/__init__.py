"""The studio: canvas, controls and player in one widget."""

from robust_widgets.widgets.studio.studio import StudioWidget

__all__ = ["StudioWidget"]
