"""Which way of running a network is taken: measured once, and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from robust_widgets.cache import VARIABLE
from robust_widgets.models.architectures import build
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.prepared import choice
from robust_widgets.models.prepared import engine as engines
from robust_widgets.models.prepared.engine import ONNX, OWN, TORCH
from tests.models.prepared.networks import CLASSES, both, classifier, pictures_for


class TestChoice:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.delenv(engines.SWITCH, raising=False)
        monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
        return tmp_path / "cache" / choice.KIND

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
        ],
    )
    def test_the_fastest_way_is_measured_once_and_kept(
        self, monkeypatch: pytest.MonkeyPatch, times: dict[str, float], expected: str
    ) -> None:
        calls = self.measured(monkeypatch, times)
        for _ in range(2):
            model = self.made()
            model(pictures_for(model, 1))
            assert model.engine is not None and model.engine.way == expected
        assert calls == [[OWN, TORCH, ONNX]]

    def test_the_first_picture_may_come_in_inference_mode(self) -> None:
        model = self.made()
        with torch.inference_mode():
            model(pictures_for(model, 1))
        assert model.engine is not None and {OWN, TORCH, ONNX} == set(model.engine.times)
        assert both(model, pictures_for(model, 1))[1].abs().sum() > 0

    def test_without_onnx_runtime_torch_carries_it_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engines, "_onnx_passes", lambda: None)
        calls = self.measured(monkeypatch, {OWN: 10.0, TORCH: 4.0})
        model = self.made()
        model(pictures_for(model, 1))
        assert calls == [[OWN, TORCH]]
        assert model.engine is not None and model.engine.way == TORCH

    @pytest.mark.parametrize("text", ["", "no json", "[]", "null", "{}", '{"network": "fast"}', '{"network": null}'])
    def test_a_damaged_file_is_written_anew(self, cache: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        calls = self.measured(monkeypatch, {OWN: 2.0, TORCH: 1.0})
        for _ in range(2):
            model = self.made()
            model(pictures_for(model, 1))
            (file,) = cache.iterdir()
            assert choice.kept_times(model.fingerprint) == {OWN: 2.0, TORCH: 1.0}
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
        assert calls == ["first", "second"] * (choice.ROUNDS + 1)

    @pytest.mark.parametrize(("switch", "way"), [("0", OWN), ("1", ONNX)])
    def test_the_environment_decides_without_measuring(
        self, monkeypatch: pytest.MonkeyPatch, switch: str, way: str
    ) -> None:
        calls = self.measured(monkeypatch, {})
        monkeypatch.setenv(engines.SWITCH, switch)
        model = self.made()
        model(pictures_for(model, 1))
        assert model.engine is not None and model.engine.way == way
        assert calls == []
