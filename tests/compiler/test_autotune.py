"""Selecting the fastest backend: measured once, and cached."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from robust_widgets import _machine
from robust_widgets._files import CACHE_VARIABLE
from robust_widgets.compiler import autotune
from robust_widgets.compiler import engine as engines
from robust_widgets.compiler.engine import EAGER, ONEDNN, ONNXRUNTIME
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.networks.architectures import build
from tests.compiler.networks import CLASSES, classifier, forward_backward, pictures_for

ALL = (EAGER, ONNXRUNTIME, ONEDNN)


class TestSelection:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.delenv(engines.SWITCH, raising=False)
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
        return tmp_path / "cache" / autotune.CACHE

    @pytest.fixture(autouse=True)
    def machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One where all backends are available, two threads run, and no other process does."""
        monkeypatch.setattr(engines, "_available", lambda: [ONNXRUNTIME, ONEDNN])
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
        monkeypatch.setattr(_machine, "_waiting_seconds", lambda: 0.0)

    def compiled(self) -> RobustClassifier:
        torch.manual_seed(0)
        model = classifier(build("smoothresnet-tiny", CLASSES), 32)
        model.compile()
        return model

    def fake_measure(self, monkeypatch: pytest.MonkeyPatch, *times: dict[str, float]) -> list[list[str]]:
        """Return these times in turn, the last one again and again. What was measured is in the list."""
        measured: list[list[str]] = []

        def measure(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
            measured.append(list(calls))
            return times[min(len(measured), len(times)) - 1]

        monkeypatch.setattr(autotune, "measure", measure)
        monkeypatch.setattr(engines, "_compile", lambda *_: object())
        monkeypatch.setattr(engines, "run", lambda module, x: torch.zeros(len(x), 64))  # pyright: ignore[reportUnknownLambdaType]
        return measured

    def select(self, model: RobustClassifier, *counts: int) -> dict[int, str]:
        engine = model.engine
        assert engine is not None
        for count in counts:
            engine.run(model, "logits", lambda x: x.flatten(1), torch.zeros(count, 3, 32, 32))
        return engine.selected

    @pytest.mark.parametrize(
        ("times", "expected"),
        [
            ({EAGER: 10.0, ONEDNN: 8.0, ONNXRUNTIME: 4.0}, ONNXRUNTIME),
            ({EAGER: 10.0, ONEDNN: 8.0, ONNXRUNTIME: 9.0}, ONEDNN),
            ({EAGER: 10.0, ONEDNN: 9.7, ONNXRUNTIME: 11.0}, EAGER),
        ],
    )
    def test_the_fastest_backend_is_measured_once_and_cached(
        self, monkeypatch: pytest.MonkeyPatch, times: dict[str, float], expected: str
    ) -> None:
        measured = self.fake_measure(monkeypatch, times)
        for _ in range(2):
            assert self.select(self.compiled(), 1) == {1: expected}
        assert measured == [list(ALL)]

    def test_each_batch_size_is_measured_separately(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times: list[dict[str, float]] = [
            {EAGER: 3.0, ONEDNN: 2.0, ONNXRUNTIME: 1.0},
            {EAGER: 3.0, ONEDNN: 1.0},
            {EAGER: 1.0, ONEDNN: 2.0, ONNXRUNTIME: 3.0},
        ]
        measured = self.fake_measure(monkeypatch, *times)
        for _ in range(2):
            model = self.compiled()
            assert self.select(model, 1, 2, 7, 8, 32) == {1: ONNXRUNTIME, 4: ONEDNN, 8: EAGER}
            assert model.engine is not None and list(model.engine.times.values()) == times
        assert len(measured) == 3

    def test_the_batch_sizes(self) -> None:
        assert [autotune.batch_size_for(count) for count in (1, 2, 4, 7, 8, 9, 1000)] == [1, 4, 4, 4, 8, 8, 8]

    def test_a_batch_of_that_size_is_measured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[int] = []
        real = engines._forward_backward  # pyright: ignore[reportPrivateUsage]

        def noting(function: Callable[[Tensor], Tensor], pictures: Tensor) -> Callable[[], object]:
            seen.append(len(pictures))
            return real(function, pictures)

        monkeypatch.setattr(engines, "_forward_backward", noting)
        self.fake_measure(monkeypatch, {EAGER: 1.0})
        self.select(self.compiled(), 5)
        assert set(seen) == {4}

    def test_what_times_depend_on(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        autotune.write_times("one", 32, 1, ALL, {EAGER: 1.0})
        for other in (("two", 32, 1, ALL), ("one", 64, 1, ALL), ("one", 32, 4, ALL), ("one", 32, 1, [EAGER])):
            assert autotune.read_times(*other) is None
        assert autotune.read_times("one", 32, 1, ALL) == {EAGER: 1.0}
        monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
        assert autotune.read_times("one", 32, 1, ALL) is None
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
        monkeypatch.setattr(autotune, "processor_name", lambda: "another processor")
        assert autotune.read_times("one", 32, 1, ALL) is None
        assert len(list(cache.iterdir())) == 1

    def test_under_contention_times_are_not_cached(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_machine, "_waiting_seconds", time.perf_counter)
        self.fake_measure(monkeypatch, {EAGER: 1.0})
        assert self.select(self.compiled(), 1) == {1: EAGER} and not cache.exists()

    def test_without_a_backend_the_network_runs_eagerly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engines, "_available", list[str])
        measured = self.fake_measure(monkeypatch, {EAGER: 10.0})
        assert self.select(self.compiled(), 1) == {1: EAGER} and measured == [[EAGER]]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "no json",
            "[]",
            "null",
            "{}",
            '{"eager": "fast"}',
            '{"eager": null}',
            '{"onednn": 1}',
            '{"eager": 2, "other": 1}',
        ],
    )
    def test_damaged_files_are_replaced(self, cache: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        measured = self.fake_measure(monkeypatch, {EAGER: 2.0, ONEDNN: 1.0})
        for _ in range(2):
            model = self.compiled()
            self.select(model, 1)
            (file,) = cache.iterdir()
            assert autotune.read_times(model.fingerprint, 32, 1, ALL) == {EAGER: 2.0, ONEDNN: 1.0}
            file.write_text(text)
        assert len(measured) == 2

    def test_an_unwritable_cache_is_ignored(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cache.parent.write_text("a file where the folder should be")
        self.fake_measure(monkeypatch, {EAGER: 2.0, ONEDNN: 1.0})
        assert self.select(self.compiled(), 1) == {1: ONEDNN}

    @pytest.mark.parametrize(("switch", "backend"), [("0", EAGER), ("1", ONNXRUNTIME)])
    def test_the_environment_selects_without_measuring(
        self, monkeypatch: pytest.MonkeyPatch, switch: str, backend: str
    ) -> None:
        measured = self.fake_measure(monkeypatch, {})
        monkeypatch.setenv(engines.SWITCH, switch)
        assert self.select(self.compiled(), 1) == {1: backend} and measured == []


def test_real_backends_are_measured_and_the_first_picture_may_come_in_inference_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(engines.SWITCH, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    model = classifier(build("smoothresnet-tiny", CLASSES), 32)
    model.compile()
    with torch.inference_mode():
        model(pictures_for(model, 1))
    available = engines._available()  # pyright: ignore[reportPrivateUsage]
    assert model.engine is not None and set(model.engine.times[1]) == {EAGER, *available}
    assert forward_backward(model, pictures_for(model, 1))[1].abs().sum() > 0


class TestMeasuring:
    @pytest.fixture(autouse=True)
    def alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_machine, "_waiting_seconds", lambda: 0.0)

    def times(self) -> tuple[dict[str, float], list[str]]:
        calls: list[str] = []
        return autotune.measure({name: lambda name=name: calls.append(name) for name in ("first", "second")}), calls

    def test_calls_are_interleaved(self) -> None:
        times, calls = self.times()
        assert set(times) == {"first", "second"} and all(taken >= 0 for taken in times.values())
        assert calls[:2] == ["first", "second"] and {"first", "second"} == set(calls)

    def test_long_calls_are_made_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(autotune, "LONG", 0.0)
        times, calls = self.times()
        assert calls == ["first", "second"] == list(times)

    def test_under_contention_calls_are_made_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_machine, "_waiting_seconds", time.perf_counter)
        assert self.times()[1] == ["first", "second"]

    def test_backends_close_to_the_fastest_get_more_rounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(autotune, "WARM_UP", 0)
        monkeypatch.setattr(autotune, "SECONDS", 60)
        calls: list[str] = []
        times = autotune.measure(
            {"quick": lambda: calls.append("quick"), "slow": lambda: (calls.append("slow"), time.sleep(0.01))}
        )
        assert times["slow"] >= 10 > times["quick"] >= 0
        assert calls.count("slow") == autotune.ROUNDS + 2
        assert calls.count("quick") == autotune.ROUNDS + 2 + autotune.MORE_ROUNDS + 1
