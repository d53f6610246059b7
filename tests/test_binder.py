"""The environment for Binder: everything that is asked for is pinned, to a version that is allowed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"pytorch-cpu": "torch"}


def test_what_the_project_asks_for_is_pinned_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [Requirement(line) for line in (*project["dependencies"], *extras["fast"], *extras["course"])]
    lines = re.findall(r"^ +- ([\w-]+)==?([\d.]+)$", (ROOT / "binder/environment.yml").read_text(), re.MULTILINE)
    pins = {CONDA_NAMES.get(name, name): version for name, version in lines}
    python = pins.pop("python")
    assert python in Requirement(f"python{project['requires-python']}").specifier
    # A lesson starts a kernel of its own, so the version of what runs it is no matter of chance.
    assert set(pins) == {one.name for one in asked} | {"ipykernel"}
    for one in asked:
        assert pins[one.name] in one.specifier, f"{one} is pinned to {pins[one.name]}"
