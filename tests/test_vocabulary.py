"""Identifiers are made of the field's words; words that only we understood stay out.

A new word belongs in the glossary of CONTRIBUTING.md, with the meaning that the field gives it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "robust_widgets"
SOURCES = sorted([*PACKAGE.rglob("*.py"), *ROOT.glob("scripts/*.py"), *ROOT.glob("benchmarks/*.py")])
TYPESCRIPT = sorted((ROOT / "frontend").glob("*/src/**/*.ts"))

# A word that may stand nowhere in an identifier, and what to say.
PRIVATE = {
    "anew": "again, or a verb that begins with re-",
    "captured": "recorded, or the name of the graph",
    "crowd": "contention",
    "foreign": "external, or loading",
    "forth": "forward",
    "keepsake": "snapshot",
    "knob": "parameter",
    "pace": "throughput, rate or eta",
    "painter": "worker",
    "settle": "flush, or warm up",
    "shipped": "bundled",
    "straighten": "rewrite of transposed convolutions",
    "way": "backend, or the noun that it is a way of",
}
# A word that says nothing as a whole name: name the thing.
VAGUE = {"found", "given", "kept", "made", "one", "said", "shown", "told"}

INFLECTED = {
    stem + ending: remedy
    for word, remedy in PRIVATE.items()
    for stem, endings in ((word, ("", "s", "ed", "ing")), (word.removesuffix("e"), ("e", "es", "ed", "ing")))
    for ending in endings
}

# Names that keep a private word, and why.
ALLOWED = {
    ("robust_widgets/robustness/landscape.py", "kept"): "a deprecated public name",
    ("robust_widgets/runs/record.py", "knobs"): "a deprecated public name",
    ("robust_widgets/synthesis/problem.py", "knobs"): "a deprecated public name",
}


def words(identifier: str) -> list[str]:
    """The words of an identifier in snake_case, CamelCase or CAPITALS, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)]


def python_names(path: Path) -> Iterator[str]:
    """The module's own name, and every class, function, argument, variable and attribute that it defines."""
    yield path.parent.name if path.stem == "__init__" else path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.alias(asname=str(name)) | ast.MatchAs(name=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name
            case _:
                pass


def typescript_names(path: Path) -> Iterator[str]:
    """The file's own name, and what it declares by a keyword."""
    yield path.stem
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    yield from re.findall(r"\b(?:const|let|class|function|interface|type|enum)\s+([A-Za-z_$][\w$]*)", text)


def complaints(names: Iterator[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if name.strip("_").lower() in VAGUE:
            yield f"{name}: name the thing"
        for word in words(name):
            if word in INFLECTED:
                yield f"{name}: say {INFLECTED[word]}"


def names_of(path: Path) -> Iterator[str]:
    return python_names(path) if path.suffix == ".py" else typescript_names(path)


@pytest.mark.parametrize("path", [*SOURCES, *TYPESCRIPT], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_identifiers_are_the_fields_words(path: Path) -> None:
    file = path.relative_to(ROOT).as_posix()
    assert not list(complaints(name for name in names_of(path) if (file, name) not in ALLOWED))


def test_every_exception_is_still_needed() -> None:
    assert all(name in names_of(ROOT / file) for file, name in ALLOWED)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("class KnobPanel: pass", "KnobPanel"),
        ("def with_knobs(): pass", "with_knobs"),
        ("def f(*, way): pass", "way"),
        ("self.painter = 1", "painter"),
        ("for one in (): pass", "one"),
        ("import json as told", "told"),
        ("PACES = 1", "PACES"),
    ],
)
def test_a_private_word_is_found_wherever_a_name_is_defined(code: str, word: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(code, encoding="utf-8")
    (complaint,) = complaints(python_names(file))
    assert complaint.startswith(f"{word}:")


@pytest.mark.parametrize(
    "code", ["away = 1", "pass_forward = 1", "one_hot = 1", "f(way=1)", "x = 'knobs'", "space = 1"]
)
def test_a_word_that_only_contains_one_is_not(code: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(code, encoding="utf-8")
    assert not list(complaints(python_names(file)))
