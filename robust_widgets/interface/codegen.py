"""The Python that makes a recorded run again. No torch here."""

from __future__ import annotations

import base64
import io
import textwrap

from PIL import Image

from robust_widgets._bundled import model_names
from robust_widgets.errors import TraceError
from robust_widgets.pictures import Pixels
from robust_widgets.runs.record import LoadSpec
from robust_widgets.runs.trace import Trace

_WIDTH = 100
_ARGUMENTS = {
    "generate": ("target",),
    "sketch_to_image": ("picture", "target"),
    "translate": ("picture", "target"),
    "super_resolve": ("picture", "target"),
    "inpaint": ("picture", "mask", "target"),
    "paint_features": ("picture", "mask", "target"),
}


def code(trace: Trace, source: str = "", loading: LoadSpec | None = None) -> str:
    """A cell of Python that makes this exact run again, its pictures included.

    Args:
        trace: a run that a studio made, so that its inputs are known.
        source: what ``load_model`` loads the model by; by default what it was loaded by, else a shipped one's name.
            Where there is neither, as for a network that was made in Python, a comment says what to make.
        loading: how that model is loaded, for a run that does not know it, because it was read back from a file.

    Raises:
        TraceError: the run's inputs are not known, or it is not one of the tasks'.
    """
    arguments = _ARGUMENTS.get(trace.task)
    if arguments is None:
        raise TraceError(f"This run is {trace.task!r}, which is not a task, so there is no code for it.")
    missing = [name for name in arguments if name in ("picture", "mask") and name not in trace.inputs]
    if missing:
        raise TraceError(
            f"This run does not know its {' and '.join(missing)}; the code can be copied of runs made in a studio."
        )
    lines = ["import base64", "", "import robust_widgets as rw", ""]
    if trace.fingerprint:
        lines += [f"# The fingerprint of the model was {trace.fingerprint}."]
    lines += _model(trace, source, trace.loading or loading)
    for name, pixels in trace.inputs.items():
        if name != "start":
            lines += _picture(name, pixels)
    given = [name for name in arguments if name != "target"]
    parameters = [f"{name}={value!r}" for name, value in trace.parameters.items()]
    start = trace.inputs.get("start")
    if start is None:
        lines += _call(f"trace = rw.{trace.task}", [*given, repr(trace.target), "model=model", *parameters])
        return "\n".join([*lines, "trace", ""])
    lines.insert(1, "import dataclasses")
    for index, pixels in enumerate(start):
        lines += _picture(f"start_{index}", pixels)
    inputs = [f"{name}={name}" for name in given]
    lines += _call("problem = rw.problem", [repr(trace.task), repr(trace.target), *inputs, "model=model", *parameters])
    names = ", ".join(f"start_{index}" for index in range(len(start)))
    lines += [
        f"start = rw.to_batch([{names}], problem.start.shape[-1]).to(model.device)",
        "trace = rw.run(dataclasses.replace(problem, start=start))",
        "trace",
        "",
    ]
    return "\n".join(lines)


def _model(trace: Trace, source: str, loading: LoadSpec | None) -> list[str]:
    """The model, loaded with the arguments it was loaded with; what only its maker can make is said in a comment."""
    if loading is None:
        if source or trace.model in model_names():
            return [f"model = rw.load_model({source or trace.model!r})"]
        return [
            f"# The model was {trace.model!r}, which does not ship with robust-widgets; make it here and call it model."
        ]
    given = [f"{name}={value!r}" for name, value in loading.arguments.items()]
    if loading.source or source:
        return _call("model = rw.load_model", [repr(source or loading.source), *given])
    said = f"# The model is your own network, of the class {loading.kind}; make it here and call it network."
    return [said, *_call("model = rw.load_model", ["network", *given])]


def _picture(name: str, pixels: Pixels) -> list[str]:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    text = base64.b64encode(file.getvalue()).decode()
    return [f"{name} = base64.b64decode(", *(f'    "{part}"' for part in textwrap.wrap(text, _WIDTH)), ")"]


def _call(function: str, arguments: list[str]) -> list[str]:
    """A call on one line, or an argument a line where that is too long."""
    line = f"{function}({', '.join(arguments)})"
    return [line] if len(line) <= _WIDTH else [f"{function}(", *(f"    {one}," for one in arguments), ")"]
