"""Messages between a notebook and a server: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robust_widgets.errors import StateError
from robust_widgets.interface import messages
from robust_widgets.interface.messages import FROM_CLIENT, FROM_SERVER
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import Feature, Layer, ModelInfo, RunRequest
from robust_widgets.interface.wire import PROTOCOL, common_protocol, from_wire, to_wire
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from tests.fuzzing import tries, values
from tests.helpers import raises_sentence

PICTURE = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
MASK = np.full((5, 4), 255, np.uint8)


def received(message: Any, arrays: Any = None, kinds: Any = FROM_SERVER) -> Any:
    return from_wire(to_wire(message, arrays), kinds)


def test_a_request_arrives_as_it_was_sent() -> None:
    request = RunRequest(
        "inpaint", "dog", {"steps": np.int64(3), "epsilon": 2.5, "penalty": None}, PICTURE, MASK, PICTURE[None]
    )
    message, arrays = received(*messages.from_request(7, "tiny", request, 4), kinds=FROM_CLIENT)
    again = messages.to_request(message, arrays)
    assert (message.id, message.model, message.have) == (7, "tiny", 4)
    assert (again.task, again.target, again.parameters) == ("inpaint", "dog", request.parameters)
    for name in ("picture", "mask", "start"):
        np.testing.assert_array_equal(getattr(again, name), getattr(request, name))


def frame(**parts: Any) -> Frame:
    numbers = {name: np.array([0.5, float("nan")]) for name in ("loss", "probability", "distance")}
    pixels = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    return Frame(**{"step": 3, "pixels": pixels, "seconds": 0.25, **numbers, **parts})


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"gradient": np.ones((2, 3, 4), np.uint8)},
        {"probabilities": np.full((2, 5), 0.2, np.float32), "gradient": np.ones((2, 3, 4), np.uint8)},
    ],
    ids=["numbers", "heat map", "probabilities"],
)
def test_a_frame_arrives_to_the_bit(parts: dict[str, Any]) -> None:
    sent = frame(**parts)
    again = messages.to_frame(*received(*messages.from_frame(9, sent)))
    assert (again.step, again.seconds) == (sent.step, sent.seconds)
    for name in ("pixels", "loss", "probability", "distance", "probabilities", "gradient"):
        old, new = getattr(sent, name), getattr(again, name)
        assert (old is None and new is None) or (
            old.dtype == new.dtype and np.array_equal(old, new, equal_nan="f" in old.dtype.kind)
        )


def test_a_trace_and_a_model_arrive_as_they_were() -> None:
    trace = Trace("generate", {"steps": 3, "size": None}, 5, "tiny", "ab12", "dog", ("dog", "cat"), 2.5)
    assert messages.to_trace(received(messages.from_trace(1, trace, 3))[0]) == trace
    features = (Feature("fur", 3, ("dog",), PICTURE), Feature("eye", 9, ("cat", "dog"), PICTURE[::-1]))
    info = ModelInfo("tiny", ("dog", "cat"), 64, "cuda:0", "net", "l2", "", None, features, (("puppy",), ()))
    info = replace(info, layers=(Layer("stage1", "Block", 48, 32, 32), Layer("head", "Linear", 2, 1, 1)))
    again = messages.to_model(*received(*messages.from_model("tiny", info)))
    assert again.layers == info.layers
    assert (again.classes, again.input_size, again.synonyms, again.device) == (
        info.classes,
        64,
        info.synonyms,
        "cuda:0",
    )
    assert [(f.name, f.unit, f.classes) for f in again.features] == [("fur", 3, ("dog",)), ("eye", 9, ("cat", "dog"))]
    np.testing.assert_array_equal(again.features[1].thumbnail, PICTURE[::-1])
    for robustness in (None, Robustness(1.5, 64, 30, True)):
        assert messages.to_robustness(received(messages.from_robustness("tiny", robustness))[0]) == robustness


def test_where_a_models_file_lies_stays_on_the_server() -> None:
    info = ModelInfo("mine", ("dog", "cat"), 64, source="/home/teacher/secret.pt")
    assert "teacher" not in str(to_wire(*messages.from_model("mine", info)))


STOP = {"kind": "stop", "id": 3}
BROKEN: list[tuple[str | bytes, str]] = [
    ("", "not JSON"),
    ("[1]", "no kind"),
    ("[" * 100_000, "not JSON"),
    ('{"kind": "destroy"}', "'destroy'"),
    ('{"kind": "stop"}', "'id'"),
    ('{"kind": "stop", "id": "3"}', "'id'"),
    ('{"kind": "stop", "id": -1}', "'id'"),
    (b"\x00\x00\xff\xff{}", "cut off"),
    (b"\x00", "cut off"),
    (json.dumps({**STOP, "arrays": {"a": {"dtype": "object", "shape": [1]}}}), "dtype"),
    (json.dumps({**STOP, "arrays": {"a": {"dtype": "uint8", "shape": [2**40]}}}), "shape"),
    (json.dumps({**STOP, "arrays": {"a": {"dtype": "uint8", "shape": [2**30, 2**30, 2**30]}}}), "0 bytes for arrays"),
    (json.dumps({**STOP, "arrays": {"a": {"dtype": "uint8", "shape": [7]}}}), "0 bytes for arrays of 7"),
    (json.dumps({"kind": "stop", "id": 3, "x": "y" * (5 << 20)}), "longer than"),
]


@pytest.mark.parametrize(("data", "named"), BROKEN, ids=[named for _, named in BROKEN])
def test_a_message_that_is_none_is_refused(data: str | bytes, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        from_wire(data, FROM_CLIENT)


def test_fields_of_newer_versions_are_ignored() -> None:
    message, _ = from_wire(json.dumps({**STOP, "reason": "lunch"}), FROM_CLIENT)
    assert message == messages.Stop(id=3)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("picture", MASK),
        ("picture", PICTURE.astype(np.float32)),
        ("mask", PICTURE),
        ("start", PICTURE),
        ("start", np.zeros((0, 4, 4, 3), np.uint8)),
        ("picture", np.zeros((0, 4, 3), np.uint8)),
        ("picture", np.zeros((3000, 2000, 3), np.uint8)),
        ("other", MASK),
    ],
)
def test_an_array_that_no_request_has_is_refused(name: str, array: Any) -> None:
    run = messages.Run(id=1, model="tiny", task="generate", target="dog", parameters={})
    with pytest.raises(ValueError, match=name):
        messages.to_request(*received(run, {name: array}, FROM_CLIENT))


@pytest.mark.parametrize(
    "parts",
    [
        {"pixels": np.zeros((2, 3, 4), np.uint8)},
        {"gradient": np.ones((1, 3, 4), np.uint8)},
        {"probabilities": np.ones((2,), np.float32)},
    ],
)
def test_a_frame_whose_arrays_do_not_fit_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="it"):
        messages.to_frame(*received(*messages.from_frame(1, frame(**parts))))


def test_which_end_to_update() -> None:
    assert common_protocol(1, PROTOCOL + 5, "server") == PROTOCOL
    with raises_sentence(StateError, "update the notebook"):
        common_protocol(PROTOCOL + 1, PROTOCOL + 2, "server")
    with raises_sentence(StateError, "update the notebook"):
        common_protocol(0, 0, "notebook")
    with raises_sentence(StateError, "update the server"):
        common_protocol(PROTOCOL + 1, PROTOCOL + 1, "notebook")


@given(st.binary(max_size=300) | st.text(max_size=200) | values().map(json.dumps))
@tries(100)
def test_random_bytes_are_refused_or_read(data: str | bytes) -> None:
    _read(data)


@given(
    st.sampled_from([*FROM_CLIENT, *FROM_SERVER]),
    st.dictionaries(
        st.sampled_from(["id", "steps", "model", "arrays", "step", "task", "parameters", "header", "classes"]), values()
    ),
)
@tries(100)
def test_random_fields_are_refused_or_read(kind: str, fields: dict[str, Any]) -> None:
    _read(json.dumps({"kind": kind, **fields}))


def _read(data: str | bytes) -> None:
    for kinds in (FROM_CLIENT, FROM_SERVER):
        try:
            from_wire(data, kinds)
        except ValueError as error:
            assert str(error)
