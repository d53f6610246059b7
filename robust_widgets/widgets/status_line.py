"""A status line: a sentence for the user, with the traceback one click away."""

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


class StatusLine:
    """The line. Its kinds differ in their first word as well as in colour."""

    def __init__(self) -> None:
        self.widget = ipywidgets.HTML()
        self.text = ""
        self.kind: Kind = "info"

    def show(self, text: str, kind: Kind = "info", details: str = "") -> None:
        """Show a sentence, and ``details`` collapsed below it."""
        self.text, self.kind = text, kind
        if not text:
            self.widget.value = ""
            return
        collapsed = ""
        if details:
            collapsed = (
                "<details><summary>Details</summary><pre style='overflow:auto;max-height:20em'>"
                f"{html.escape(details)}</pre></details>"
            )
        self.widget.value = (
            f"<div role='status' style='line-height:1.4;overflow-wrap:anywhere;color:{_COLORS[kind]}'>"
            f"{_MARKS[kind]}{html.escape(text)}</div>{collapsed}"
        )

    def clear(self) -> None:
        """Show nothing."""
        self.show("")

    def guard(self, handler: Callable[P, object]) -> Callable[P, None]:
        """Wrap a handler so that its exceptions are shown here; Jupyter does not show those of widget handlers."""

        @functools.wraps(handler)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                handler(*args, **kwargs)
            except RobustWidgetsError as error:
                self.show(str(error), "error", traceback.format_exc())
            except Exception as error:
                self.show(f"Unexpected error: {type(error).__name__}: {error}", "error", traceback.format_exc())

        return guarded
