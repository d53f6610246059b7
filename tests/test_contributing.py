"""What contributors read first names things that exist: files, commands, layers, versions."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import robust_widgets as rw
from robust_widgets.cli import app

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TEMPLATES = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def section(title: str) -> str:
    return GUIDE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def table(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    rows = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def read(file: str) -> Any:
    return yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))


def test_a_path_in_the_guide_exists() -> None:
    paths = set(re.findall(r"`([\w.-]*/[\w./-]*)`", GUIDE)) | set(re.findall(r"\]\(([^):]+)\)", GUIDE))
    assert len(paths) > 20
    places = (ROOT, ROOT / "robust_widgets")
    invented = {"cli/NAME.py"}
    assert not [path for path in paths - invented if not any((place / path).exists() for place in places)]


def test_a_script_or_command_in_the_guide_exists() -> None:
    scripts = set(re.findall(r"\bscripts/[\w.-]+", GUIDE))
    assert scripts and all(os.access(ROOT / script, os.R_OK) for script in scripts)
    known: Any = typer.main.get_command(app)
    commands = set(re.findall(r"`robust-widgets (\w+)", GUIDE))
    assert commands and commands <= set(known.commands)
    options = read(".pre-commit-config.yaml")["repos"][0]["hooks"]
    assert set(re.findall(r"hook-stage manual (\w+)", GUIDE)) <= {option["id"] for option in options}


def test_the_plan_is_that_of_the_import_contract() -> None:
    contract = next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    floor = {name: row for row, layer in enumerate(contract["layers"]) for name in re.findall(r"\w+", layer)}
    named = [re.findall(r"`(\w+)(?:/|\.py)`", cells[0])[0] for cells in table("The plan of the house")]
    assert {name for name in floor if name[0] != "_"} == set(named)
    floors = [floor[name] for name in named]
    assert floors == sorted(floors)


def test_the_glossary_defines_each_word_once() -> None:
    words = [word for cells in table("Glossary") for word in cells[0].split(", ")]
    assert 20 <= len(words) == len(set(words))
    core = {"picture", "epsilon", "step size", "constraint", "objective", "stepper", "solver", "backend", "parameter"}
    assert core | {"problem", "task", "session", "tracing", "rewrite", "autotune", "snapshot", "logits"} <= set(words)


def test_the_guide_tells_where_a_task_goes() -> None:
    assert "\n## Add a task\n" in GUIDE


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_an_issue_form_is_one_that_github_reads(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert set(form) <= {"blank_issues_enabled", "contact_links"}
        return
    assert {"name", "description", "body"} <= set(form)
    names = [field["id"] for field in form["body"]]
    assert len(set(names)) == len(names)
    for field in form["body"]:
        assert field["type"] in {"textarea", "input", "dropdown"} and field["attributes"]["label"]
        assert field["type"] != "dropdown" or len(field["attributes"]["options"]) > 1
        assert set(field) <= {"type", "id", "attributes", "validations"}


def test_reports_of_bugs_and_of_speed_ask_for_the_doctor() -> None:
    assert {path.stem for path in TEMPLATES} == {"bug", "config", "idea", "slow"}
    for name in ("bug", "slow"):
        form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
        (field,) = [field for field in form["body"] if field["id"] == "doctor"]
        assert "robust-widgets doctor" in field["attributes"]["label"] and field["validations"]["required"]


def test_the_citation_is_of_this_version() -> None:
    citation = read("CITATION.cff")
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert {"message", "title", "authors"} <= set(citation)
    assert citation["version"] == rw.__version__ and citation["license"] == PROJECT["project"]["license"]
    (paper,) = citation["references"]
    assert paper["title"] == "Image Synthesis with a Single (Robust) Classifier" and len(paper["authors"]) == 6


def test_the_hooks_call_the_tools_of_the_checks() -> None:
    hooks = {hook["id"]: hook for hook in read(".pre-commit-config.yaml")["repos"][0]["hooks"]}
    assert set(hooks) == {"ruff-check", "ruff-format", "import-linter", "shellcheck", "front-end", "pyright"}
    requirements = "\n".join(PROJECT["project"]["optional-dependencies"]["test"])
    package = {"lint-imports": "import-linter"}
    for hook in hooks.values():
        program, *arguments = hook["entry"].split()
        if hook["language"] == "script":
            assert program == "scripts/in-venv" and os.access(ROOT / program, os.X_OK)
            assert package.get(arguments[0], arguments[0]) in requirements
    assert hooks["pyright"]["stages"] == ["manual"]
    scripts = read("frontend/package.json")["scripts"]
    assert hooks["front-end"]["entry"].split()[-1] in scripts
    named = re.findall(r"npm --prefix frontend run (\w+)", GUIDE)
    assert named and set(named) <= set(scripts)


def test_what_a_source_archive_needs_is_in_it() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {"/CONTRIBUTING.md", "/CITATION.cff", "/scripts", "/tests"} <= set(included)
