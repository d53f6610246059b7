"""Command-line options made from what declares the numbers: parameters, and the fields of a dataclass."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from robust_widgets.interface.parameters import TASK_PARAMETERS, AnyParameter, Choice

F = TypeVar("F", bound=Callable[..., Any])
NONE = "none"

Device = Annotated[
    str | None, typer.Option(metavar="cpu|cuda|mps", help="Where to compute.", show_default="the fastest there is")
]
Model = Annotated[
    str, typer.Option(help="A weights file, torchvision:NAME, or a name that robust-widgets models lists.")
]
ModelGiven = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A weights file, torchvision:NAME, or a name that robust-widgets models lists."
    ),
]


def with_knobs(task: str) -> Callable[[F], F]:
    """Give a command an option for each parameter of a task; it receives them as its ``**parameters``."""
    return lambda command: _with_options(command, [_knob_option(parameter) for parameter in TASK_PARAMETERS[task]])


def with_fields(settings: type[Any]) -> Callable[[F], F]:
    """Give a command an option for each field of a dataclass, explained by the class's docstring."""
    explained, kinds = attribute_help(settings), get_type_hints(settings)
    options = [
        _option(field.name, kinds[field.name], field.default, _field_option(field, explained.get(field.name, "")))
        for field in dataclasses.fields(settings)
    ]
    return lambda command: _with_options(command, options)


def knob_values(task: str, given: dict[str, Any]) -> dict[str, Any]:
    """The options of a task's parameters as its parameters: an optional one that says "none" is None."""
    typed = {parameter.name for parameter in TASK_PARAMETERS[task] if parameter.optional}
    return {name: _number_or_none(value) if name in typed else value for name, value in given.items()}


def class_given(text: str, classes: Sequence[str]) -> str | int:
    """A class as it was typed: an index where it is a number and no class's name."""
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


def _knob_option(parameter: AnyParameter) -> inspect.Parameter:
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
        shown = NONE if parameter.default is None else str(int(parameter.default))
        return _option(parameter.name, str, shown, typer.Option(flag, help=text, metavar=f"INTEGER|{NONE}"))
    kind = int if parameter.whole else float
    return _option(parameter.name, kind, kind(parameter.default), typer.Option(flag, help=text))


def _option(name: str, kind: type[Any], default: Any, option: Any) -> inspect.Parameter:
    annotation = Annotated[kind, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _with_options(command: F, options: Iterable[inspect.Parameter]) -> F:
    """Replace a command's ``**keywords`` by options, in the signature that typer reads."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return command


def _number_or_none(text: str) -> int | float | str | None:
    """What was typed, as a number where it is one; a parameter refuses any other word itself."""
    if text.casefold() == NONE:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
