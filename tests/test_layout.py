"""The plan of the package: few files at its root, no import cycle, no file too long or too short."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "robust_widgets"
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_AT_THE_ROOT = 10
LONGEST, SHORTEST = 500, 25
ENTRY_POINTS = {"cli/__main__.py"}


def module_of(path: Path) -> str:
    parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, modules: set[str]) -> set[str]:
    """Our modules that a file imports, inside functions, too, but not for type checkers alone."""
    imported: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                imported.add(name if name in modules else node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text("utf-8")))
    return imported & modules


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node."""
    order: list[str] = []
    seen: set[str] = set()

    def walk(start: str, edges: dict[str, set[str]], out: list[str]) -> None:
        stack = [(start, iter(sorted(edges[start])))]
        seen.add(start)
        while stack:
            node, rest = stack[-1]
            following = next((other for other in rest if other not in seen), None)
            if following is None:
                stack.pop()
                out.append(node)
            else:
                seen.add(following)
                stack.append((following, iter(sorted(edges[following]))))

    for node in graph:
        if node not in seen:
            walk(node, graph, order)
    backward: dict[str, set[str]] = {node: set() for node in graph}
    for node, others in graph.items():
        for other in others:
            backward[other].add(node)
    seen.clear()
    components: list[list[str]] = []
    for node in reversed(order):
        if node not in seen:
            component: list[str] = []
            walk(node, backward, component)
            components.append(sorted(component))
    return [component for component in components if len(component) > 1]


def test_no_module_imports_itself_through_others_not_even_lazily() -> None:
    modules = {module_of(path) for path in FILES}
    # The package's own face names everything lazily.
    graph = {module_of(path): imports_of(path, modules) - {"robust_widgets"} for path in FILES}
    assert cycles(graph) == []


def test_the_check_finds_a_cycle() -> None:
    graph: dict[str, set[str]] = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}
    assert cycles(graph) == [["a", "b", "c"]]


def test_the_root_shows_the_plan() -> None:
    files = [path.name for path in PACKAGE.iterdir() if path.is_file()]
    assert len(files) <= MOST_AT_THE_ROOT, files


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_is_neither_too_long_nor_too_short(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= LONGEST
    if path.name != "__init__.py" and path.relative_to(PACKAGE).as_posix() not in ENTRY_POINTS:
        assert lines >= SHORTEST


def test_files_are_of_a_readable_size() -> None:
    lengths = [len(path.read_text("utf-8").splitlines()) for path in FILES if path.name != "__init__.py"]
    assert 110 <= statistics.median(lengths) <= 160
    assert len(lengths) <= 247
