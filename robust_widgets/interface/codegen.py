"""Python code that repeats a recorded run."""

from __future__ import annotations

import base64
import io
import textwrap

from PIL import Image

from robust_widgets._bundled import model_names
from robust_widgets.errors import InputError, TraceError
from robust_widgets.interface.tasks import TaskSpec, task_specs
from robust_widgets.pictures import Pixels
from robust_widgets.runs.record import LoadSpec
from robust_widgets.runs.trace import Trace, require_run

_WIDTH = 100


def to_code(trace: Trace, source: str = "", loading: LoadSpec | None = None) -> str:
    """Python code for a cell that repeats a run exactly, its pictures included.

    Args:
        trace: a run made in a studio, so that its inputs are recorded.
        source: what ``load_model`` loads the model by; by default what it was loaded by, else a bundled model's name.
            Where there is neither, as for a network made in Python, a comment says what to create.
        loading: how the model is loaded, for a run that does not record it because it was read from a file.

    Raises:
        TraceError: the run's inputs were not recorded, or it is not a task's run.
    """
    require_run(trace)
    spec = task_specs().get(trace.task)
    if spec is None:
        raise TraceError(f"This run is {trace.task!r}, which is not a task, so there is no code for it.")
    missing = [name for name in spec.inputs if name not in trace.inputs]
    missing = [name for name in missing if name != "picture" or spec.needs_picture]
    if missing:
        raise TraceError(
            f"This run does not record its {' and '.join(missing)}; copy the code of a run made in a studio."
        )
    lines = ["import base64", "", "import robust_widgets as rw", ""]
    if trace.fingerprint:
        lines += [f"# The fingerprint of the model was {trace.fingerprint!r}."]
    lines += _model(trace, source, trace.loading or loading)
    inputs = [name for name in spec.inputs if name in trace.inputs]
    for name in inputs:
        lines += _picture(name, trace.inputs[name])
    parameters = _parameters(spec, trace)
    start = trace.inputs.get("start")
    if start is None:
        values = {**{name: name for name in inputs}, spec.target_argument: repr(trace.target)}
        own = [values[name] for name in spec.arguments if name in values]
        lines += _call(f"trace = rw.{trace.task}", [*own, "model=model", *parameters])
        return "\n".join([*lines, "trace", ""])
    lines.insert(1, "import dataclasses")
    for index, pixels in enumerate(start):
        lines += _picture(f"start_{index}", pixels)
    keywords = [f"{name}={name}" for name in inputs]
    arguments = [repr(trace.task), repr(trace.target), *keywords, "model=model", *parameters]
    lines += _call("problem = rw.make_problem", arguments)
    names = ", ".join(f"start_{index}" for index in range(len(start)))
    lines += [
        f"start = rw.to_batch([{names}], problem.start.shape[-1]).to(model.device)",
        "trace = rw.run(dataclasses.replace(problem, start=start))",
        "trace",
        "",
    ]
    return "\n".join(lines)


def _parameters(spec: TaskSpec, trace: Trace) -> list[str]:
    """The run's parameters as keywords. Only those of the task are written, with values that it takes."""
    earlier = {parameter.name: parameter.earlier for parameter in spec.parameters if parameter.earlier is not None}
    values = earlier | trace.parameters
    try:
        checked = spec.check(values)
    except InputError as error:
        sentence = f"This run cannot be repeated with this version of robust-widgets: {error}"
        raise TraceError(sentence) from None
    return [f"{name}={checked[name]!r}" for name in values]


def _model(trace: Trace, source: str, loading: LoadSpec | None) -> list[str]:
    """The model, loaded with its original arguments; a comment asks for a network that only its author can create."""
    if loading is None:
        if source or trace.model in model_names():
            return [f"model = rw.load_model({source or trace.model!r})"]
        return [f"# The model was {trace.model!r}, which is not bundled with robust-widgets; create it here, as model."]
    options = [f"{name}={value!r}" for name, value in loading.arguments.items()]
    if loading.source or source:
        return _call("model = rw.load_model", [repr(source or loading.source), *options])
    comment = f"# The model is your own network, of the class {loading.kind!r}; create it here, as network."
    return [comment, *_call("model = rw.load_model", ["network", *options])]


def _picture(name: str, pixels: Pixels) -> list[str]:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    text = base64.b64encode(file.getvalue()).decode()
    return [f"{name} = base64.b64decode(", *(f'    "{part}"' for part in textwrap.wrap(text, _WIDTH)), ")"]


def _call(function: str, arguments: list[str]) -> list[str]:
    """A call on one line, or with one argument per line if that is too long."""
    line = f"{function}({', '.join(arguments)})"
    return [line] if len(line) <= _WIDTH else [f"{function}(", *(f"    {argument}," for argument in arguments), ")"]
