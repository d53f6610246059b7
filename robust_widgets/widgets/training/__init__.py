"""The training monitor: watch a model learn."""

from robust_widgets.widgets.training.monitor import TrainingMonitorWidget

__all__ = ["TrainingMonitorWidget"]
