"""A run in a notebook's output: what is told of it, fetched whole while its kernel knows it, read back after that."""

from __future__ import annotations

import base64
import copy
import gc
import json
from typing import Any

import numpy as np
import pytest

from robust_widgets.errors import TraceError
from robust_widgets.runs import notebook as displayed
from robust_widgets.runs.notebook import MIME, VERSION, about, mime_bundle, pack, piece
from robust_widgets.runs.trace import Trace, trace_from_output
from tests.helpers import raises_sentence
from tests.runs.test_archive import rich
from tests.runs.test_notebook_page import grown, in_notebook, runs_of


def output(trace: Trace) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an output tells of a run, and what its player has of it, as they come back from a notebook file."""
    bundle = json.loads(json.dumps(mime_bundle([trace])))
    return bundle[MIME]["runs"][0], runs_of(bundle["text/html"])[0]


def test_an_output_tells_what_each_run_was_asked() -> None:
    traces = [rich(3), grown(2, 16)]
    told = mime_bundle(traces)[MIME]
    assert told["version"] == VERSION and told["standsIn"] is False
    first, second = told["runs"]
    assert first["header"]["knobs"] == traces[0].parameters and first["header"]["seed"] == 7
    assert (first["frames"], first["pictures"]) == (5, {"count": 3, "height": 7, "width": 5})
    assert second["header"]["target"] == "goldfish" and "classes" not in second["header"]
    assert len({first["name"], second["name"]}) == 2
    assert [run["name"] for run in about(traces)["runs"]] == [first["name"], second["name"]], "the same, shown again"


def test_it_takes_little_room_beside_the_player() -> None:
    trace = grown(40, 64)
    trace.classes = tuple(f"class {number}" for number in range(1000))
    bundle = mime_bundle([trace])
    assert in_notebook(bundle[MIME]) < 2000


def test_a_run_that_is_known_is_fetched_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    trace = rich(2)
    told, _ = output(trace)
    monkeypatch.setattr(displayed, "PIECE_BYTES", 1000)
    count = pack(told["name"])
    assert count > 1
    whole = b"".join(base64.b64decode(piece(told["name"], index)) for index in range(count))
    trace.save(tmp_path / "same.rwtrace")
    assert whole == (tmp_path / "same.rwtrace").read_bytes()
    assert not displayed._packed, "nothing is held any longer than it is needed"


def test_a_run_that_is_forgotten_is_not_held_by_its_output() -> None:
    trace = grown(2, 16)
    told, _ = output(trace)
    assert pack(told["name"]) == 1
    del trace
    gc.collect()
    assert pack(told["name"]) == 0 and pack("never known") == 0


@pytest.mark.parametrize(("count", "side"), [(1, 64), (3, 40), (1, 500), (5, 151)])
def test_what_the_output_keeps_is_gone_on_from(count: int, side: int) -> None:
    whole = grown(200, side)
    many = Trace("generate", {"epsilon": 40.0, "steps": 200}, 3, "default", "00ff", "goldfish", (), 10.0)
    for index in range(len(whole)):
        frame = copy.copy(whole[index])
        values = {name: np.repeat(getattr(frame, name), count) for name in ("loss", "probability", "distance")}
        object.__setattr__(frame, "pixels", np.repeat(frame.pixels, count, axis=0))
        for name, value in values.items():
            object.__setattr__(frame, name, value)
        many.append(frame)
    told, run = output(many)
    back = trace_from_output(told, run)
    assert (back.task, back.seed, back.parameters, back.target) == ("generate", 3, many.parameters, "goldfish")
    assert len(back) == len(run["steps"]) < 201 and (back[0].step, back[-1].step) == (0, 200)
    step = back[5].step
    assert back.mean("distance", 5) == pytest.approx(many.mean("distance", step), rel=1e-3), "in raw pixels again"
    assert back.mean("loss", 5) == pytest.approx(many.mean("loss", step), rel=1e-3)
    assert back[5].seconds == pytest.approx(many[step].seconds, rel=1e-3)
    assert len(back[-1].pixels) == count
    off = np.abs(back[-1].pixels.mean(axis=(1, 2)) - many[-1].pixels.mean(axis=(1, 2)))
    assert off.max() < 4, "each picture is cut out where it is"


def broken(**change: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    told, run = output(grown(2, 16))
    return {**told, **change.pop("told", {})}, {**run, **change}


@pytest.mark.parametrize(
    "change",
    [
        {"steps": [0]},
        {"frames": ["no base64", "at", "all"]},
        {"frames": [base64.b64encode(b"no JPEG").decode()] * 3},
        {"loss": ["a", "b", "c"]},
        {"steps": [], "seconds": [], "loss": [], "probability": [], "distance": [], "frames": []},
        {"told": {"header": {"task": "generate", "odd": 1}}},
        {"told": {"pictures": {"count": 0}}},
        {"told": {"pictures": None}},
    ],
)
def test_an_output_that_was_changed_is_refused(change: dict[str, Any]) -> None:
    with raises_sentence(TraceError, "run its cell again"):
        trace_from_output(*broken(**change))
