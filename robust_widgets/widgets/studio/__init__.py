"""The studio: painting half, controls and watching half put together."""

from robust_widgets.widgets.studio.studio import StudioWidget

__all__ = ["StudioWidget"]
