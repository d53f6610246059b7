"""What a training monitor leaves in the notebook: a sheet of its curves and pictures, which needs no kernel."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence

from robust_widgets.trace import Trace
from robust_widgets.widgets.training import words
from robust_widgets.widgets.training.record import TrainingRecord
from robust_widgets.widgets.training.sheet import sheet
from robust_widgets.widgets.watching.keepsake import NO_COMPLAINT, Keepsake, Publish


class TrainingKeepsake(Keepsake):
    """An output of the cell, brought up to date when a run has ended.

    Args:
        snapshot: the record as it is now, and what it is called; asked on a thread of the keepsake's own.
        publisher: as for a `Keepsake`.
    """

    def __init__(self, snapshot: Callable[[], tuple[TrainingRecord, str]], publisher: Publish | None = None) -> None:
        super().__init__(publisher=publisher)
        self._snapshot = snapshot

    def changed(self) -> None:
        """There is something new. Returns at once."""
        self.update(())

    def _bundle(self, traces: Sequence[Trace]) -> dict[str, str]:
        record, title = self._snapshot()
        if record.newest is None or record.ended is None:
            return super()._bundle(())
        picture = base64.b64encode(sheet(record, title)).decode()
        said = summary(record, title)
        shown = f'<img alt="{html.escape(said, quote=True)}" src="data:image/jpeg;base64,{picture}">'
        return {
            "text/html": f'<div class="rw-keepsake">{NO_COMPLAINT}{shown}</div>',
            "image/jpeg": picture,
            "text/plain": said,
        }


def summary(record: TrainingRecord, title: str) -> str:
    """A run that has ended, in a sentence or two."""
    newest, ended = record.newest, record.ended
    assert newest is not None and ended is not None
    last = f" {words.told(record.epochs[-1])}" if record.epochs else ""
    return f"{title}: {words.STATES[ended.state]} at step {newest.step:,} of {newest.steps:,}.{last}"
