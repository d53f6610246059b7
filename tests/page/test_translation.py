"""The page's second language has words for everything that Python declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from robust_widgets.interface.parameters import BRUSH_SIZE, OPACITY, SOFTNESS, Choice
from robust_widgets.interface.tasks import task_specs

MESSAGES = Path(__file__).parents[2] / "frontend" / "page" / "src" / "messages"
KEY = re.compile(r'^ +(?:"((?:[^"\\]|\\.)*)"|(\w+)):', re.MULTILINE)


def declared() -> Iterator[str]:
    """The texts that a page shows of the tasks and their parameters."""
    for spec in (spec for spec in task_specs().values() if spec.target in ("class", "feature")):
        yield from (spec.label, spec.hint, spec.summary, spec.name.replace("_", " "))
        for parameter in spec.parameters:
            yield from (parameter.label, parameter.help, parameter.unit)
            if isinstance(parameter, Choice):
                yield from (*parameter.options.values(), parameter.none_label)
    for parameter in (BRUSH_SIZE, SOFTNESS, OPACITY):
        yield from (parameter.label, parameter.help)


def test_each_text_of_the_tasks_has_german_words() -> None:
    text = "\n".join(file.read_text("utf-8") for file in sorted(MESSAGES.glob("german*.ts")))
    known = {quoted or bare for quoted, bare in KEY.findall(text)}
    assert [words for words in dict.fromkeys(declared()) if words and words not in known] == []
