"""The studio's model: a line with its name, and a badge with its measured robustness."""

from __future__ import annotations

import html

import ipywidgets

from robust_widgets.interface.robustness import NOT_MEASURED, Robustness
from robust_widgets.interface.session import Session

MEASURING = "robustness: not measured yet"
HOW_TO_MEASURE = "Measure it on photographs of its classes: rw.measure_robustness(model, pictures, labels)."


class ModelBadge:
    """The model's line and, below it, the badge; its details open with a click or a key.

    Args:
        session: the session whose model it shows, and which measures it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting = False
        self.line = ipywidgets.HTML()
        self.badge = ipywidgets.HTML()
        self.widget = ipywidgets.VBox([self.line, self.badge])
        self._show(MEASURING, "It is measured while no run is active; that takes a few seconds.")
        self.name_model()
        self.refresh()

    def name_model(self) -> None:
        """Show the model's name, and its device once that is known."""
        self.line.value = _small(html.escape(_model_line(self._session)))

    def refresh(self) -> None:
        """Ask the session for the robustness; a known result arrives at once."""
        if not self._waiting:
            self._waiting = True
            self._session.measure(self._on_measured)

    def _on_measured(self, robustness: Robustness | None) -> None:
        self._waiting = False
        if robustness is None:
            self._show(NOT_MEASURED, HOW_TO_MEASURE)
        else:
            self._show(robustness.words, robustness.details)

    def _show(self, text: str, details: str) -> None:
        claim = self._session.model.claim
        if claim:
            details = f"{details} According to its file: {claim}."
        content = (
            f"<div role='status'><details><summary title='{html.escape(details)}'>{html.escape(text)}</summary>"
            f"{html.escape(details)}</details></div>"
        )
        self.badge.value = _small(content)


def _model_line(session: Session) -> str:
    model = session.model
    description = f", {model.description}" if model.description else ""
    device = f"on {model.device}" if model.device else "could not be loaded"
    state = "loading …" if session.loading else device
    return f"{model.name}: {len(model.classes)} classes at {model.input_size} px{description}, {state}"


def _small(content: str) -> str:
    style = "color:var(--jp-ui-font-color2,inherit);line-height:1.3;display:block;white-space:normal"
    return f"<small style='{style}'>{content}</small>"
