"""The server's numbers in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from robust_widgets.serving.pool import Pool

PREFIX = "robust_widgets"


def prometheus_text(pool: Pool, notebooks: int, began: float) -> str:
    """The numbers; labels name models and devices' places, never people.

    Args:
        pool: the models.
        notebooks: that are connected.
        began: when the server was started, in seconds since 1970.
    """
    lines: list[str] = []
    for name, kind, help, values in _metrics(pool, notebooks, began):
        lines += [f"# HELP {PREFIX}_{name} {help}", f"# TYPE {PREFIX}_{name} {kind}"]
        lines += [f"{PREFIX}_{name}{labels} {value:g}" for labels, value in values]
    return "\n".join(lines) + "\n"


def _metrics(pool: Pool, notebooks: int, began: float) -> Iterator[tuple[str, str, str, list[tuple[str, float]]]]:
    batchers = [
        (f'model="{_escaped(name)}",device="{index}"', batcher)
        for name, model in pool.models.items()
        for index, batcher in enumerate(model.batchers)
    ]
    yield "started_seconds", "gauge", "When the server was started.", [("", began)]
    yield "notebooks", "gauge", "Notebooks that are connected.", [("", notebooks)]
    runs = [
        (f'{{{labels},state="{state}"}}', float(sum((ticket.run is None) == waits for ticket in batcher.tickets())))
        for labels, batcher in batchers
        for state, waits in (("active", False), ("waiting", True))
    ]
    yield "runs", "gauge", "Runs that take steps, and that wait.", runs
    ends = [
        (f'{{{labels},state="{state}"}}', float(batcher.statistics.ends[state]))
        for labels, batcher in batchers
        for state in ("done", "stopped", "failed")
    ]
    yield "runs_ended_total", "counter", "Runs that ended.", ends
    for name, help, attribute in (
        ("frames_total", "Frames that were made.", "frames"),
        ("steps_total", "Steps that were taken, each of one or more runs.", "steps"),
        ("runs_in_steps_total", "Runs that took part in steps.", "runs_in_steps"),
        ("step_seconds_total", "Seconds that steps took.", "step_seconds"),
        ("memory_ran_out_total", "Steps that did not fit into memory.", "halved"),
    ):
        values = [(f"{{{labels}}}", float(getattr(batcher.statistics, attribute))) for labels, batcher in batchers]
        yield name, "counter", help, values


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
