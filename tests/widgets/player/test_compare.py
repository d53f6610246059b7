"""Compare: what it takes, what it calls the runs, and what the browser gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robust_widgets.errors import InputError, ParameterError, StateError, TraceError
from robust_widgets.runs.trace import Trace
from robust_widgets.widgets.player.compare import MOST_FRAMES, Compare, distinct_labels
from tests.helpers import raises_sentence
from tests.runs.test_notebook_page import runs_of
from tests.runs.test_trace import recorded
from tests.widgets.page import Page, decoded
from tests.widgets.player.test_snapshot import Notebook


def run(target: str = "dog", model: str = "default", seed: int | None = 0, **parameters: object) -> Trace:
    trace = Trace("generate", dict(parameters), seed, model, target=target)
    trace.append(recorded(0)[0])
    return trace


def test_the_browser_gets_every_run_when_it_asks(page: Page, tmp_path: Path) -> None:
    recorded(6).save(tmp_path / "run.npz")
    compare = Compare(recorded(3), tmp_path / "run.npz", labels=["one", "two"])
    assert page.sent(compare.view) == []
    page.tell(compare.view, {"kind": "hello"})
    first, second = page.sent(compare.view)
    assert (first.content["index"], first.content["count"], first.content["label"]) == (0, 2, "one")
    assert (second.content["index"], second.content["label"]) == (1, "two")
    assert first.content["curves"]["steps"] == [0, 1, 2, 3] and len(first.buffers) == 4
    assert second.content["curves"]["steps"] == list(range(7)) and len(second.buffers) == 7
    assert decoded(first.buffers[0]).shape == (8, 16, 3)
    page.tell(compare.view, {"kind": "hello"})
    assert len(page.sent(compare.view)) == 4, "and again after a reload"


def test_what_is_shown_holds_the_runs_for_a_reader_without_a_kernel(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook, shown = Notebook(), list[dict[str, Any]]()
    monkeypatch.setattr("robust_widgets.widgets.player.snapshot._publisher", lambda: notebook)
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    Compare(recorded(3), recorded(5))._ipython_display_()
    assert "A comparison of 2 runs." in shown[0]["text/plain"] and len(shown[0]) == 2
    assert [run["last"] for run in runs_of(notebook.last["text/html"])] == [3, 5] and notebook.last["image/png"]


def test_a_long_run_is_thinned_evenly(page: Page) -> None:
    compare = Compare(recorded(600), recorded(1))
    page.tell(compare.view, {"kind": "hello"})
    steps = page.sent(compare.view)[0].content["curves"]["steps"]
    assert len(steps) == MOST_FRAMES and steps[0] == 0 and steps[-1] == 600


def test_no_picture_is_in_the_widget_state(page: Page) -> None:
    compare = Compare(recorded(3), recorded(3))
    before = compare.view.get_state()
    page.tell(compare.view, {"kind": "hello"})
    assert compare.view.get_state() == before and len(str(before)) < 60_000


@pytest.mark.parametrize("count", [0, 1, 9])
def test_too_few_or_too_many(count: int) -> None:
    with raises_sentence(ParameterError, count):
        Compare(*[recorded(1)] * count)


def test_runs_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    with raises_sentence(StateError, "no frames"):
        Compare(recorded(1), Trace("generate", {}))
    with raises_sentence(ParameterError, "3 labels"):
        Compare(recorded(1), recorded(1), labels=["a", "b", "c"])
    with raises_sentence(TraceError, "gone.npz"):
        Compare(recorded(1), tmp_path / "gone.npz")


@pytest.mark.parametrize(
    ("traces", "labels"),
    [
        ([run(model="robust"), run(model="standard")], ["dog, robust", "dog, standard"]),
        ([run(epsilon=10.0), run(epsilon=40.0)], ["dog, epsilon 10", "dog, epsilon 40"]),
        ([run(seed=1), run(seed=2)], ["dog, seed 1", "dog, seed 2"]),
        ([run("dog"), run("cat")], ["dog", "cat"]),
        ([run(), run()], ["dog (1)", "dog (2)"]),
        ([run(""), run("")], ["run (1)", "run (2)"]),
    ],
)
def test_labels_show_how_runs_differ(traces: list[Trace], labels: list[str]) -> None:
    assert distinct_labels(traces) == labels


def test_runs_may_come_in_a_list_and_labels_in_any_order_of_things() -> None:
    pair = [recorded(1), recorded(2)]
    for given in ((pair,), (tuple(pair),), ((run for run in pair),), (pair[0], [pair[1]])):
        compare = Compare(*given, labels=(f"run {index}" for index in (1, 2)))
        assert compare.traces == pair and compare.labels == ["run 1", "run 2"]
    assert Compare(pair, labels=[1, 10**5000]).labels == ["1", "a number of 5,001 digits"]
    for labels in ("ab", 17, ["ab"]):
        with raises_sentence(ParameterError, "1 labels for 2"):
            Compare(pair, labels=labels)  # type: ignore[arg-type]
    with raises_sentence(InputError, "int", "not a path"):
        Compare(pair[0], 7)  # type: ignore[arg-type]
