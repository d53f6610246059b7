"""Results of the tasks as text and Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robust_widgets.evaluation.evaluator import TaskResult

GENERATION_TARGET = 0.9  # share of generated pictures that the judge should recognise
COLUMNS = ("task", "setting", "pictures", "judge: start", "judge: result", "model: result", "within epsilon")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def result_row(result: TaskResult) -> tuple[str, ...]:
    """A result as a table row below `COLUMNS`."""
    within = "yes" if result.within else "**no**"
    return result.task, result.setting, str(len(result)), *_shares(result), within


def result_extras(result: TaskResult) -> list[tuple[str, str]]:
    """The further metrics of a result, by name."""
    return [
        *((name, f"{value:.1%}") for name, value in result.shares.items()),
        *((name, f"{value:.3g}") for name, value in result.figures.items()),
    ]


def result_summary(result: TaskResult) -> str:
    """A result in one line."""
    before, after, by_model = _shares(result)
    within = "within epsilon" if result.within else "NOT within epsilon"
    return (
        f"{result.task}, {result.setting}: {len(result)} pictures, judge {before} -> {after}, "
        f"model {by_model}, {within}"
    )


def _shares(result: TaskResult) -> tuple[str, str, str]:
    """The shares classified as the target: by the judge before and after, and by the model."""
    before, after, by_model = (
        f"{float(right.double().mean()):.1%}" for right in (result.before, result.after, result.by_model)
    )
    return before, after, by_model
