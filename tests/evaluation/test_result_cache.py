"""Results that are saved as they are measured."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from robust_widgets.errors import SaveError
from robust_widgets.evaluation.result_cache import ResultCache, digest
from tests.helpers import noise_patterns, raises_sentence


class Work:
    """Something to measure that counts how often it is."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, Any]:
        self.times += 1
        return {"value": 0.1 + self.times, "list": (1, 2)}


def test_a_known_result_is_not_measured_again_even_by_another_process(tmp_path: Path) -> None:
    file, work, of = tmp_path / "m.json", Work(), {"model": "a", "pictures": 3, "radii": (1, 2)}
    first = ResultCache(file).get("one", of, work)
    again = ResultCache(file)
    assert again.has("one", of) and not again.has("two", of)
    assert again.get("one", of, work) == first == {"value": 1.1, "list": [1, 2]}
    assert work.times == 1 and again.seconds("one") >= 0


@pytest.mark.parametrize("changed", [{"model": "b"}, {"pictures": 4}, {"more": 1}])
def test_a_result_of_other_inputs_is_measured(tmp_path: Path, changed: dict[str, Any]) -> None:
    work, of = Work(), {"model": "a", "pictures": 3}
    parts = ResultCache(tmp_path / "m.json")
    parts.get("one", of, work)
    assert not parts.has("one", of | changed)
    assert parts.get("one", of | changed, work)["value"] == 2.1
    assert parts.get("one", of | changed, work, use_cache=False)["value"] == 3.1


def test_results_of_two_processes_are_kept(tmp_path: Path) -> None:
    first, second = ResultCache(tmp_path / "m.json"), ResultCache(tmp_path / "m.json")
    first.get("one", {}, Work())
    second.get("two", {}, Work())
    assert second.has("one", {}) and second.has("two", {})
    both = ResultCache(tmp_path / "m.json")
    assert both.has("one", {}) and both.has("two", {})


def test_a_failure_keeps_the_results_before_it(tmp_path: Path) -> None:
    def failing() -> dict[str, Any]:
        raise KeyboardInterrupt

    work = Work()
    parts = ResultCache(tmp_path / "m.json")
    parts.get("one", {}, work)
    with pytest.raises(KeyboardInterrupt):
        parts.get("two", {}, failing)
    assert ResultCache(tmp_path / "m.json").has("one", {}) and not ResultCache(tmp_path / "m.json").has("two", {})


@pytest.mark.parametrize("content", ["", "{}", '{"format": "other", "parts": {}}', "[1]", '{"format": 1'])
def test_another_file_is_not_overwritten(tmp_path: Path, content: str) -> None:
    file = tmp_path / "m.json"
    file.write_text(content)
    with raises_sentence(SaveError, str(file)):
        ResultCache(file)
    assert file.read_text() == content


def test_other_pictures_or_labels_have_another_digest() -> None:
    data = noise_patterns(2)
    assert digest(data) == digest(noise_patterns(2)) and len(digest(data)) == 16
    assert digest(data) != digest(noise_patterns(2, seed=1))
    assert digest(data) != digest(dataclasses.replace(data, labels=data.labels.flip(0)))
