"""Figures as Markdown. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robust_widgets.quality.bench import Finding

BAR = 0.9  # what the judge must recognise of what is generated
COLUMNS = ("task", "setting", "pictures", "judge: start", "judge: result", "model: result", "within epsilon")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def finding_row(finding: Finding) -> tuple[str, ...]:
    """A finding as a row below `COLUMNS`."""
    kept = "yes" if finding.within else "**no**"
    return finding.task, finding.setting, str(len(finding)), *finding_shares(finding), kept


def finding_shares(finding: Finding) -> tuple[str, str, str]:
    """The shares of a finding that the judge, before and after, and the model itself take for what was asked."""
    before, after, by_model = (
        f"{float(part.double().mean()):.1%}" for part in (finding.before, finding.after, finding.by_model)
    )
    return before, after, by_model


def further(finding: Finding) -> list[tuple[str, str]]:
    """The other figures of a finding, by name."""
    return [
        *((name, f"{value:.1%}") for name, value in finding.shares.items()),
        *((name, f"{value:.3g}") for name, value in finding.figures.items()),
    ]
