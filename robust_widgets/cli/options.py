"""Command-line options from declarations: a task's parameters, or the fields of a dataclass."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from robust_widgets.interface.parameters import AnyParameter, Choice
from robust_widgets.interface.tasks import TaskSpec

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


def class_given(text: str, classes: Sequence[str]) -> str | int:
    """A class as typed: an index if it is a number and no class has that name."""
    return int(text) if text.isdecimal() and text not in classes else text


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
