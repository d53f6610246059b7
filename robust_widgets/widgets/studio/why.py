"""The panel "Why?": what speaks for a class in the current picture, and the smallest change to another class."""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets

from robust_widgets.interface.explanation import (
    DEFAULT_METHOD,
    METHODS,
    Answer,
    Counterfactual,
    CounterfactualRequest,
    Explainer,
    ExplainRequest,
    Explanation,
    NoAnswer,
    Question,
    shown_large,
)
from robust_widgets.pictures import Pixels
from robust_widgets.runs.trace import Trace
from robust_widgets.widgets.controls import LABEL_WIDTH, MIDDLE
from robust_widgets.widgets.status_line import StatusLine

WIDTH = MIDDLE - 40


class WhyPanel:
    """Buttons that ask the session about the current picture, and its answer.

    Args:
        session: answers, between its runs.
        status: shows errors.
        picture: the current picture, uint8 (h, w, 3); raises a sentence where there is none.
        target: the selected class.
        take: shows the path to a change, as a run with a slider.
    """

    def __init__(
        self,
        session: Explainer,
        status: StatusLine,
        picture: Callable[[], Pixels],
        target: Callable[[], str],
        take: Callable[[Trace], object],
    ) -> None:
        self._session, self._status = session, status
        self._picture, self._target, self._take = picture, target, take
        self.method = ipywidgets.Dropdown(
            options=[(name, name) for name in METHODS],
            value=DEFAULT_METHOD,
            description="method",
            tooltip="; ".join(f"{name}: {text}" for name, text in METHODS.items()),
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"{WIDTH}px"},
        )
        self.of = ipywidgets.Dropdown(
            options=[("the class it sees", False), ("the selected class", True)],
            value=False,
            description="class",
            tooltip="Which class to explain",
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"{WIDTH}px"},
        )
        self.explain_button = self._button("Explain", "Show what speaks for the class", self.explain)
        self.change_button = self._button(
            "Smallest change",
            "Find the smallest change that makes the picture the selected class; the path is shown as a run",
            self.change,
        )
        self.image = ipywidgets.Image(format="png", layout={"width": f"{WIDTH}px", "display": "none"})
        self.text = ipywidgets.HTML(layout={"width": f"{WIDTH}px"})
        content = ipywidgets.VBox(
            [
                self.method,
                self.of,
                ipywidgets.HBox([self.explain_button, self.change_button], layout={"flex_flow": "row wrap"}),
                self.image,
                self.text,
            ]
        )
        self.widget = ipywidgets.Accordion(
            [content], titles=["Why?"], selected_index=None, layout={"width": f"{MIDDLE - 4}px"}
        )

    def explain(self) -> None:
        """Ask what speaks for the class."""
        target = self._target() if self.of.value else None
        self._ask(ExplainRequest(self._picture(), str(self.method.value), target), "Looking at the picture …")

    def change(self) -> None:
        """Ask for the smallest change to the selected class."""
        self._ask(CounterfactualRequest(self._picture(), self._target()), "Looking for the smallest change …")

    def _ask(self, question: Question, meanwhile: str) -> None:
        self._show(meanwhile)
        for button in (self.explain_button, self.change_button):
            button.disabled = True
        self._session.ask(question, self._status.guard(self._on_answer))

    def _on_answer(self, answer: Answer) -> None:
        for button in (self.explain_button, self.change_button):
            button.disabled = False
        match answer:
            case NoAnswer(message=message, details=details):
                self._show("")
                self._status.show(message, "error", details)
            case Explanation():
                self._show(
                    f"Orange speaks for {answer.target} ({answer.probability:.0%}), blue against it: {answer.method}.",
                    answer.overlay,
                )
            case Counterfactual():
                self._show(
                    f"The smallest change from {answer.source} to {answer.target} that was found: epsilon "
                    f"{answer.epsilon:.1f}. Grey did not change. The path is on the right; move its slider.",
                    answer.difference,
                )
                self._take(answer.trace)

    def _show(self, text: str, pixels: Pixels | None = None) -> None:
        self.text.value = f"<div role='status' style='line-height:1.35;white-space:normal'>{html.escape(text)}</div>"
        self.image.layout.display = "none" if pixels is None else ""
        if pixels is not None:
            self.image.value = shown_large(pixels, WIDTH)

    def _button(self, text: str, tooltip: str, action: Callable[[], object]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=text, tooltip=tooltip, layout={"width": "auto"})
        button.on_click(self._status.guard(lambda _: action()))
        return button
