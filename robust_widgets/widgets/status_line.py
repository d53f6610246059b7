"""A line in which a widget says what happened: plain words for a person, the traceback one click away."""

from __future__ import annotations

import functools
import html
import traceback
from collections.abc import Callable
from typing import Literal, ParamSpec

import ipywidgets

from robust_widgets.errors import RobustWidgetsError

Kind = Literal["info", "warning", "error"]
P = ParamSpec("P")
_MARKS: dict[Kind, str] = {"info": "", "warning": "Note: ", "error": "Problem: "}
_COLORS: dict[Kind, str] = {
    "info": "var(--jp-ui-font-color1, currentColor)",
    "warning": "var(--jp-ui-font-color1, currentColor)",
    "error": "var(--jp-error-color0, #b71c1c)",
}


class Notice:
    """The line itself. Kinds differ in their first word as well as in colour."""

    def __init__(self) -> None:
        self.widget = ipywidgets.HTML()
        self.text = ""
        self.kind: Kind = "info"

    def say(self, text: str, kind: Kind = "info", details: str = "") -> None:
        """Show a sentence, and ``details`` folded away under it."""
        self.text, self.kind = text, kind
        if not text:
            self.widget.value = ""
            return
        folded = ""
        if details:
            folded = (
                "<details><summary>Details</summary><pre style='overflow:auto;max-height:20em'>"
                f"{html.escape(details)}</pre></details>"
            )
        self.widget.value = (
            f"<div role='status' style='line-height:1.4;overflow-wrap:anywhere;color:{_COLORS[kind]}'>"
            f"{_MARKS[kind]}{html.escape(text)}</div>{folded}"
        )

    def clear(self) -> None:
        """Show nothing."""
        self.say("")

    def guard(self, handler: Callable[P, object]) -> Callable[P, None]:
        """The handler, with any exception shown here; Jupyter shows none that a widget's handler raises."""

        @functools.wraps(handler)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                handler(*args, **kwargs)
            except RobustWidgetsError as error:
                self.say(str(error), "error", traceback.format_exc())
            except Exception as error:
                self.say(f"Something broke: {type(error).__name__}: {error}", "error", traceback.format_exc())

        return guarded
