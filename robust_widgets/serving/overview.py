"""What the teacher's page shows: who runs, how fast, and what waits."""

from __future__ import annotations

import base64
import io
import time
from typing import Any

from PIL import Image

from robust_widgets.pictures import Pixels
from robust_widgets.serving.batcher import Ticket
from robust_widgets.serving.pool import Pool

THUMBNAIL = 96  # pixels
QUALITY = 80


def overview(pool: Pool, notebooks: int, *, pictures: bool) -> dict[str, Any]:
    """All runs as JSON values.

    Args:
        pool: the models.
        notebooks: that are connected.
        pictures: whether to show the latest picture of each run.
    """
    runs: list[dict[str, Any]] = []
    for name, model in pool.models.items():
        for batcher in model.batchers:
            runs += [_row(name, ticket, pictures=pictures) for ticket in batcher.tickets()]
    speed = sum(batcher.statistics.frames_per_second for batcher in pool.batchers)
    return {"runs": runs, "notebooks": notebooks, "frames_per_second": round(speed, 1), "pictures": pictures}


def _row(model: str, ticket: Ticket, *, pictures: bool) -> dict[str, Any]:
    latest = ticket.latest
    return {
        "owner": ticket.owner,
        "model": model,
        "task": ticket.request.task,
        "target": ticket.request.target[:80],
        "step": None if latest is None else latest.step,
        "steps": None if ticket.run is None else ticket.run.steps,
        "seconds": round(time.monotonic() - ticket.began, 1),
        "waits": ticket.run is None,
        "picture": _thumbnail(latest.pixels[0]) if pictures and latest is not None else None,
    }


def _thumbnail(pixels: Pixels) -> str:
    """A picture as a data URL."""
    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
