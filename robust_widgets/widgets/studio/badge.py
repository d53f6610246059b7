"""What is known of the studio's model: a line, and a badge that says how robust it was found to be."""

from __future__ import annotations

import html

import ipywidgets

from robust_widgets.interface.robustness import NOT_MEASURED, Robustness
from robust_widgets.interface.session import Session

MEASURING = "robustness: not measured yet"
HOW = "Measure it on photographs that it knows: rw.measure_robustness(model, pictures, labels)."


class Badge:
    """The model's line, and below it the badge; its details are a click or a key away.

    Args:
        session: whose model it is about; it is asked to measure.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting = False
        self.line = ipywidgets.HTML()
        self.badge = ipywidgets.HTML()
        self.widget = ipywidgets.VBox([self.line, self.badge])
        self._show(MEASURING, "It is measured while no run goes on, which takes a few seconds.")
        self.name_model()
        self.refresh()

    def name_model(self) -> None:
        """Say which model it is, and where it runs as far as that is known."""
        self.line.value = _small(html.escape(_model_line(self._session)))

    def refresh(self) -> None:
        """Ask the session, which answers at once where it knows."""
        if not self._waiting:
            self._waiting = True
            self._session.measure(self._on_measured)

    def _on_measured(self, found: Robustness | None) -> None:
        self._waiting = False
        if found is None:
            self._show(NOT_MEASURED, HOW)
        else:
            self._show(found.words, found.details)

    def _show(self, words: str, details: str) -> None:
        claim = self._session.model.claim
        if claim:
            details = f"{details} The file says: {claim}."
        shown = (
            f"<div role='status'><details><summary title='{html.escape(details)}'>{html.escape(words)}</summary>"
            f"{html.escape(details)}</details></div>"
        )
        self.badge.value = _small(shown)


def _model_line(session: Session) -> str:
    model = session.model
    about = f", {model.description}" if model.description else ""
    if session.loading:
        where = "being loaded …"
    else:
        where = f"on {model.device}" if model.device else "which could not be loaded"
    return f"{model.name}: {len(model.classes)} classes at {model.input_size} px{about}, {where}"


def _small(content: str) -> str:
    style = "color:var(--jp-ui-font-color2,inherit);line-height:1.3;display:block;white-space:normal"
    return f"<small style='{style}'>{content}</small>"
