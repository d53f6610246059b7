"""What commands share: options, checks of output files, and errors as sentences."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import os
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Annotated, Any, ParamSpec, TypeAlias, TypeVar, get_type_hints

import typer

from robust_widgets._files import atomic_write, check_output, clean_name, free_path, write_free
from robust_widgets.errors import RobustWidgetsError, SaveError, is_out_of_memory, quoted
from robust_widgets.interface.parameters import AnyParameter, Choice
from robust_widgets.interface.tasks import TaskSpec
from robust_widgets.pictures.files import as_path

if TYPE_CHECKING:
    from robust_widgets.runs.record import Frame
    from robust_widgets.runs.trace import Trace


BAD_INPUT = 2
INTERRUPTED = 130

P = ParamSpec("P")
R = TypeVar("R")


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Make a command print its errors as sentences, and exit with 2 for bad input or 130 for Ctrl-C.

    Unexpected errors keep their traceback: they are bugs of this package.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with _plain_warnings():
                return command(*args, **kwargs)
        except RobustWidgetsError as error:
            sentence, code = str(error), BAD_INPUT
        except KeyboardInterrupt:
            sentence, code = "\nStopped.", INTERRUPTED  # on a new line, after "^C" and any progress bar
        except BrokenPipeError:
            raise  # the reader closed the pipe: let typer exit quietly
        except OSError as error:
            file = "A file" if error.filename is None else repr(str(error.filename))
            sentence, code = f"{file} could not be read or written: {error.strerror or error}.", BAD_INPUT
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            sentence = "Out of memory; give fewer or smaller pictures, a smaller batch, or another --device."
            code = BAD_INPUT
        typer.echo(sentence, err=True)
        raise typer.Exit(code)

    return run


@contextmanager
def _plain_warnings() -> Generator[None]:
    """Print this package's warnings as sentences, as its errors are, without the line of code that gave them."""
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
        if category in (UserWarning, RuntimeWarning) and str(message).endswith("."):
            typer.echo(str(message), err=True)
        else:
            usual(message, category, *place, **options)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


Writer: TypeAlias = tuple[Path, Callable[[IO[bytes]], object]]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def default_name(target: str) -> Path:
    """The file that a picture is written to by default: named after the target, and never one that exists."""
    return free_path(Path(f"{clean_name(target)}.png"))


def checked_outputs(
    outputs: Sequence[Path],
    endings: Iterable[str] | None = None,
    *,
    force: bool = False,
    sources: Iterable[str | os.PathLike[str]] = (),
) -> list[Path]:
    """The files to write; refused before the run if they could not be written after it.

    Args:
        outputs: the files.
        endings: the file name extensions allowed; by default those that a run can be saved as.
        force: replace files that exist.
        sources: the files that the results are made from.

    Raises:
        SaveError: an unknown extension, a folder that is missing or not writable, a file that exists, or one that is
            given twice.
    """
    if endings is None:
        from robust_widgets.runs.files import endings as endings_of_runs

        endings = endings_of_runs()
    endings = tuple(endings)
    outputs = [as_path(path) for path in outputs]
    for path in outputs:
        if not path.suffix or not path.name.lower().endswith(endings):
            raise SaveError(f"{str(path)!r} does not end in {quoted(endings)}; the extension selects the format.")
        if not path.parent.is_dir():
            raise SaveError(f"There is no folder {str(path.parent)!r} to write {path.name!r} into; create it first.")
        if path.is_dir() or not os.access(Path(os.path.realpath(path)).parent, os.W_OK):
            raise SaveError(f"{str(path)!r} cannot be written; choose another path.")
        check_output(path, overwrite=force, sources=sources)
        if path.suffix.lower() == ".mp4":
            from robust_widgets.runs.export import require_video

            require_video()
    places = [os.path.realpath(path) for path in outputs]
    twice = next((path for path, place in zip(outputs, places, strict=True) if places.count(place) > 1), None)
    if twice is not None:
        raise SaveError(f"{str(twice)!r} is to be written twice; give each result a name of its own.")
    return outputs


class StepBar:
    """A progress bar that appears with the first frame, so that an error message appears without one.

    Args:
        total: steps of the whole run.
        title: what is being made.
    """

    def __init__(self, total: int, title: str) -> None:
        self._total, self._title = total, title
        self._bar: Any = None

    def __enter__(self) -> StepBar:
        return self

    def show(self, frame: Frame) -> None:
        """Advance to a frame, and show the probability of the target, or the loss if there is none."""
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=self._total, desc=self._title, unit="step")
        probability = float(frame.probability.mean())
        numbers = {"loss": frame.loss.mean()} if math.isnan(probability) else {"probability": probability}
        self._bar.set_postfix({name: f"{value:.2f}" for name, value in numbers.items()}, refresh=False)
        self._bar.update(frame.step - self._bar.n)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def write_each(writers: Iterable[Writer], *, force: bool = False) -> None:
    """Write every file; if one cannot be written, the others still are.

    Args:
        writers: the files and what writes their content.
        force: replace files that exist; else one that has appeared since :func:`checked_outputs` stays, and the result
            gets a free name.

    Raises:
        SaveError: the files that could not be written.
    """
    failures: list[str] = []
    for path, write in writers:
        written = path
        try:
            if force:
                atomic_write(path, write)
            else:
                written = write_free(path, write)
        except SaveError as error:
            failures.append(str(error))
        else:
            typer.echo(f"wrote {written}" if written == path else f"wrote {written}, because {path} exists")
    if failures:
        raise SaveError("\n".join(failures))


def run_writers(trace: Trace, outputs: Sequence[Path]) -> list[Writer]:
    """A writer of the run for each file."""
    from robust_widgets.runs.files import run_writer

    return [(path, run_writer(trace, path)) for path in outputs]


F = TypeVar("F", bound=Callable[..., Any])
NONE = "none"

Device = Annotated[
    str | None, typer.Option(metavar="cpu|cuda|mps", help="Where to compute.", show_default="the fastest available")
]
Model = Annotated[str, typer.Option(help="A weights file, torchvision:NAME, or a name from 'robust-widgets models'.")]
ModelGiven = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A weights file, torchvision:NAME, or a name from 'robust-widgets models'."),
]


def parameter_options(spec: TaskSpec) -> list[inspect.Parameter]:
    """An option for each parameter of a task, as parameters of a typer command."""
    return [_parameter_option(parameter) for parameter in spec.parameters]


def with_fields(settings: type[Any]) -> Callable[[F], F]:
    """Give a command an option for each field of a dataclass, with help from the class's docstring."""
    explained, kinds = attribute_help(settings), get_type_hints(settings)
    options = [
        _option(field.name, kinds[field.name], field.default, _field_option(field, explained.get(field.name, "")))
        for field in dataclasses.fields(settings)
    ]
    return lambda command: _with_options(command, options)


def parameter_values(spec: TaskSpec, options: dict[str, Any]) -> dict[str, Any]:
    """A task's parameters from its options: "none" is None where that is allowed."""
    typed = {parameter.name for parameter in spec.parameters if parameter.optional}
    return {name: _number_or_none(value) if name in typed else value for name, value in options.items()}


def attribute_help(documented: type[Any]) -> dict[str, str]:
    """The entries below "Attributes:" in a class's docstring, each as one line."""
    lines = (inspect.getdoc(documented) or "").partition("Attributes:\n")[2].splitlines()
    entries: dict[str, str] = {}
    names: list[str] = []
    for line in lines:
        if line and not line.startswith(" "):
            break
        text = line.strip().replace("``", "")
        if line.startswith("    ") and not line.startswith("     "):
            name, _, text = text.partition(": ")
            names = name.split(", ")
        for name in names:
            entries[name] = f"{entries.get(name, '')} {text}".strip()
    return {name: text[:1].upper() + text[1:] for name, text in entries.items()}


def _field_option(field: dataclasses.Field[Any], text: str) -> Any:
    alias = field.metadata.get("alias")
    return typer.Option(f"--{field.name.replace('_', '-')}", alias, help=text) if alias else typer.Option(help=text)


def _parameter_option(parameter: AnyParameter) -> inspect.Parameter:
    flag = f"--{parameter.name.replace('_', '-')}"
    text = (
        parameter.help
        if not parameter.unit or parameter.unit in parameter.help
        else f"{parameter.help} Unit: {parameter.unit}."
    )
    if isinstance(parameter, Choice):
        words = [*parameter.options, *(["NUMBER"] if parameter.weight else []), *([NONE] if parameter.optional else [])]
        option = typer.Option(flag, help=text, metavar="|".join(words))
        return _option(parameter.name, str, NONE if parameter.default is None else parameter.default, option)
    if parameter.optional or parameter.default is None:
        default = NONE if parameter.default is None else str(int(parameter.default))
        return _option(parameter.name, str, default, typer.Option(flag, help=text, metavar=f"INTEGER|{NONE}"))
    kind = int if parameter.whole else float
    return _option(parameter.name, kind, kind(parameter.default), typer.Option(flag, help=text))


def _option(name: str, kind: type[Any], default: Any, option: Any) -> inspect.Parameter:
    annotation = Annotated[kind, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _with_options(command: F, options: Iterable[inspect.Parameter]) -> F:
    """Replace a command's ``**keywords`` with options, in the signature that typer reads."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return command


def _number_or_none(text: str) -> int | float | str | None:
    """The text as a number if it is one; a parameter itself refuses any other word."""
    if text.casefold() == NONE:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
