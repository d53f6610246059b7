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
from robust_widgets.models.prepared.engine import ONNX, OWN, TORCH, TORCH_LAST
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

        def measure(ways: dict[str, Callable[[], object]], rounds: int = choice.ROUNDS) -> dict[str, float]:
            for way in ways.values():
                way()
            if rounds == 1:  # how long the network itself takes, before the ways are measured
                return {OWN: 1.0}
            calls.append(list(ways))
            return times

        monkeypatch.setattr(choice, "measure", measure)
        return calls

    @pytest.mark.parametrize(
        ("times", "expected"),
        [
            ({OWN: 10.0, TORCH: 8.0, ONNX: 4.0}, ONNX),
            ({OWN: 10.0, TORCH: 8.0, ONNX: 9.0}, TORCH),
            ({OWN: 10.0, TORCH: 8.0, TORCH_LAST: 7.0, ONNX: 9.0}, TORCH_LAST),
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
            assert model.engine is not None and model.engine.chosen == {choice.ONE: expected}
        assert calls == [[OWN, TORCH, TORCH_LAST, ONNX]]

    def test_many_pictures_have_a_choice_of_their_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.measured(monkeypatch, {OWN: 10.0, TORCH: 8.0, ONNX: 4.0})
        model = self.made()
        assert model.engine is not None
        model(pictures_for(model, choice.MANY_FROM - 1))
        calls = self.measured(monkeypatch, {OWN: 80.0, TORCH: 40.0, ONNX: 60.0})
        expected = model(pictures_for(model, 1))
        torch.testing.assert_close(model(pictures_for(model, choice.MANY_FROM))[:1], expected, rtol=1e-4, atol=1e-5)
        assert model.engine.chosen == {choice.ONE: ONNX, choice.MANY: TORCH} and len(calls) == 1
        assert model.engine.times[choice.MANY] == {OWN: 10.0, TORCH: 5.0, ONNX: 7.5}, "of each of eight pictures"
        again = self.made()
        again(pictures_for(again, choice.MANY_FROM))
        assert again.engine is not None and again.engine.chosen == {choice.MANY: TORCH} and len(calls) == 1

    @pytest.mark.parametrize(
        ("batch", "milliseconds", "count"),
        [(choice.ONE, 1e6, 1), (choice.MANY, 10, 8), (choice.MANY, 50, 4), (choice.MANY, 1e6, 2)],
    )
    def test_a_large_network_is_measured_with_fewer_pictures(self, batch: str, milliseconds: float, count: int) -> None:
        assert choice.pictures_to_measure(batch, milliseconds, ways=4) == count

    def test_the_first_picture_may_come_in_inference_mode(self) -> None:
        model = self.made()
        with torch.inference_mode():
            model(pictures_for(model, 1))
        assert model.engine is not None
        assert {OWN, TORCH, TORCH_LAST, ONNX} == set(model.engine.times[choice.ONE])
        assert both(model, pictures_for(model, 1))[1].abs().sum() > 0

    def test_without_onnx_runtime_torch_carries_it_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engines, "_onnx_passes", lambda: None)
        calls = self.measured(monkeypatch, {OWN: 10.0, TORCH: 4.0})
        model = self.made()
        model(pictures_for(model, 1))
        assert calls == [[OWN, TORCH, TORCH_LAST]]
        assert model.engine is not None and model.engine.chosen == {choice.ONE: TORCH}

    @pytest.mark.parametrize("text", ["", "no json", "[]", "null", "{}", '{"network": "fast"}', '{"network": null}'])
    def test_a_damaged_file_is_written_anew(self, cache: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        calls = self.measured(monkeypatch, {OWN: 2.0, TORCH: 1.0})
        for _ in range(2):
            model = self.made()
            model(pictures_for(model, 1))
            (file,) = cache.iterdir()
            assert choice.kept_times(model.fingerprint, choice.ONE) == {OWN: 2.0, TORCH: 1.0}
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
        assert model.engine is not None and model.engine.chosen == {choice.ONE: way}
        assert calls == []
