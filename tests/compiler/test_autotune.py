"""Which way of running a network is taken: measured once, and kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from robust_widgets._files import CACHE_VARIABLE
from robust_widgets.compiler import autotune as choice
from robust_widgets.compiler import autotune as crowd
from robust_widgets.compiler import engine as engines
from robust_widgets.compiler.backends import onednn
from robust_widgets.compiler.engine import ONEDNN, ONNX, ONNX_ONE, OWN, TORCH, WAYS
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.networks.architectures import build
from tests.compiler.networks import CLASSES, both, classifier, pictures_for

IN_TORCH = (TORCH, ONEDNN) if onednn.available() else (TORCH,)


class TestChoice:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.delenv(engines.SWITCH, raising=False)
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
        return tmp_path / "cache" / choice.KIND

    @pytest.fixture(autouse=True)
    def alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(crowd, "_waited", lambda: 0.0)

    @pytest.fixture(autouse=True)
    def threads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.say_threads(monkeypatch, 2)

    def say_threads(self, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)

    def made(self) -> RobustClassifier:
        torch.manual_seed(0)
        model = classifier(build("smoothresnet-tiny", CLASSES), 32)
        model.compile()
        return model

    def measured(self, monkeypatch: pytest.MonkeyPatch, times: dict[str, float]) -> list[list[str]]:
        calls: list[list[str]] = []

        def measure(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
            calls.append(list(ways))
            for way in ways.values():
                way()
            return times

        monkeypatch.setattr(choice, "measure", measure)
        return calls

    @pytest.mark.parametrize(
        ("times", "expected"),
        [
            ({OWN: 10.0, TORCH: 8.0, ONNX: 4.0}, ONNX),
            ({OWN: 10.0, TORCH: 8.0, ONNX: 9.0}, TORCH),
            ({OWN: 10.0, TORCH: 9.7, ONNX: 11.0}, OWN),
            ({OWN: 10.0, TORCH: 9.7, ONNX: 6.0, ONNX_ONE: 5.0}, ONNX_ONE),
            ({OWN: 10.0, TORCH: 9.7, ONEDNN: 4.0, ONNX: 6.0}, ONEDNN),
        ],
    )
    def test_the_fastest_way_is_measured_once_and_kept(
        self, monkeypatch: pytest.MonkeyPatch, times: dict[str, float], expected: str
    ) -> None:
        calls = self.measured(monkeypatch, times)
        for _ in range(2):
            model = self.made()
            model(pictures_for(model, 1))
            assert model.engine is not None and model.engine.ways == {1: expected}
        assert calls == [[OWN, *IN_TORCH, ONNX, ONNX_ONE]]

    def test_each_size_of_batch_has_a_choice_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        taken = {1: {OWN: 3.0, TORCH: 2.0, ONNX: 1.0}, 4: {OWN: 3.0, TORCH: 1.0}, 8: {OWN: 1.0, TORCH: 2.0, ONNX: 3.0}}
        asked: list[list[str]] = []
        left = iter(taken.values())

        def measure(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
            asked.append(list(ways))
            return next(left)

        monkeypatch.setattr(choice, "measure", measure)
        for _ in range(2):
            model = self.made()
            for count in (1, 2, 7, 8, 32):
                model(pictures_for(model, count))
            assert model.engine is not None
            assert model.engine.ways == {1: ONNX, 4: TORCH, 8: OWN} and model.engine.times == taken
        assert asked == [[OWN, *IN_TORCH, ONNX, ONNX_ONE], [OWN, *IN_TORCH, ONNX], [OWN, *IN_TORCH, ONNX]]

    def test_the_sizes(self) -> None:
        assert [choice.size_of(count) for count in (1, 2, 4, 7, 8, 9, 1000)] == [1, 4, 4, 4, 8, 8, 8]

    def test_a_size_is_measured_with_as_many_pictures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[int] = []
        real = engines._forth_and_back  # pyright: ignore[reportPrivateUsage]

        def noting(function: Callable[[Tensor], Tensor], pictures: Tensor) -> Callable[[], object]:
            seen.append(len(pictures))
            return real(function, pictures)

        monkeypatch.setattr(engines, "_forth_and_back", noting)
        self.measured(monkeypatch, {OWN: 1.0})
        self.made()(torch.rand(5, 3, 32, 32))
        assert set(seen) == {4}

    def test_what_a_choice_depends_on(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        choice.keep_times("one", 32, 1, {OWN: 1.0})
        for about in (("two", 32, 1), ("one", 64, 1), ("one", 32, 4)):
            assert choice.kept_times(*about) is None
        assert choice.kept_times("one", 32, 1) == {OWN: 1.0}
        assert choice.kept_times("one", 32, 1, [OWN, "another way"]) is None
        self.say_threads(monkeypatch, 1)
        assert choice.kept_times("one", 32, 1) is None
        self.say_threads(monkeypatch, 2)
        monkeypatch.setattr(choice, "_processor", lambda: "another processor")
        assert choice.kept_times("one", 32, 1) is None
        assert len(list(cache.iterdir())) == 1

    def test_on_one_thread_no_other_number_is_tried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.say_threads(monkeypatch, 1)
        calls = self.measured(monkeypatch, {OWN: 2.0, ONNX: 1.0})
        self.made()(torch.rand(1, 3, 32, 32))
        assert calls == [[OWN, *IN_TORCH, ONNX]]

    def test_long_calls_are_made_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choice, "LONG", 0.0)
        calls: list[str] = []
        times = choice.measure({"first": lambda: calls.append("first"), "second": lambda: calls.append("second")})
        assert calls == ["first", "second"] == list(times)

    def test_in_a_crowd_calls_are_made_once_and_nothing_is_kept(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(crowd, "_waited", time.perf_counter)
        calls: list[str] = []
        choice.measure({"first": lambda: calls.append("first"), "second": lambda: calls.append("second")})
        assert calls == ["first", "second"]
        model = self.made()
        model(pictures_for(model, 1))
        assert model.engine is not None and OWN in model.engine.times[1] and not cache.exists()

    def test_the_first_picture_may_come_in_inference_mode(self) -> None:
        model = self.made()
        with torch.inference_mode():
            model(pictures_for(model, 1))
        assert model.engine is not None and set(model.engine.times[1]) == {OWN, *IN_TORCH, ONNX, ONNX_ONE} <= set(WAYS)
        assert both(model, pictures_for(model, 1))[1].abs().sum() > 0

    def test_without_onnx_runtime_torch_carries_it_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engines, "_onnx_passes", lambda: None)
        calls = self.measured(monkeypatch, {OWN: 10.0, TORCH: 4.0})
        model = self.made()
        model(pictures_for(model, 1))
        assert calls == [[OWN, *IN_TORCH]]
        assert model.engine is not None and model.engine.ways == {1: TORCH}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "no json",
            "[]",
            "null",
            "{}",
            '{"network": "fast"}',
            '{"network": null}',
            '{"prepared": 1}',
            '{"network": 2, "other": 1}',
        ],
    )
    def test_a_damaged_file_is_written_anew(self, cache: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        calls = self.measured(monkeypatch, {OWN: 2.0, TORCH: 1.0})
        for _ in range(2):
            model = self.made()
            model(pictures_for(model, 1))
            (file,) = cache.iterdir()
            assert choice.kept_times(model.fingerprint, 32, 1, WAYS) == {OWN: 2.0, TORCH: 1.0}
            file.write_text(text)
        assert len(calls) == 2

    def test_a_folder_that_cannot_be_written_is_no_matter(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cache.parent.write_text("a file where the folder should be")
        self.measured(monkeypatch, {OWN: 2.0, TORCH: 1.0})
        model = self.made()
        assert model(pictures_for(model, 1)).shape == (1, CLASSES)

    def test_the_measuring_itself(self) -> None:
        calls: list[str] = []
        times = choice.measure({"first": lambda: calls.append("first"), "second": lambda: calls.append("second")})
        assert set(times) == {"first", "second"} and all(taken >= 0 for taken in times.values())
        assert calls[:2] == ["first", "second"] and {"first", "second"} == set(calls)

    def test_ways_near_the_fastest_get_more_rounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choice, "SETTLING", 0)
        calls: list[str] = []
        ways: dict[str, Callable[[], object]] = {
            "quick": lambda: calls.append("quick"),
            "slow": lambda: (calls.append("slow"), time.sleep(0.01)),
        }
        times = choice.measure(ways)
        assert times["slow"] >= 10 > times["quick"] >= 0
        assert calls.count("slow") == choice.ROUNDS + 2
        assert calls.count("quick") == choice.ROUNDS + 2 + choice.MORE_ROUNDS + 1

    @pytest.mark.parametrize(("switch", "way"), [("0", OWN), ("1", ONNX)])
    def test_the_environment_decides_without_measuring(
        self, monkeypatch: pytest.MonkeyPatch, switch: str, way: str
    ) -> None:
        calls = self.measured(monkeypatch, {})
        monkeypatch.setenv(engines.SWITCH, switch)
        model = self.made()
        model(pictures_for(model, 1))
        assert model.engine is not None and model.engine.ways == {1: way}
        assert calls == []
