"""The JupyterLab extension is there after an installation, switched on, and of the package's version."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import robust_widgets as rw

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "labextension"
INSTALLED = Path(sysconfig.get_path("data")) / "share" / "jupyter" / "labextensions" / "robust-widgets"


def test_jupyterlab_lists_it_as_enabled_and_ok() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jupyterlab.labextensions", "list"], capture_output=True, text=True, check=True
    )
    said = re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)
    (line,) = [line for line in said.splitlines() if "robust-widgets" in line.split()]
    assert line.split()[:4] == ["robust-widgets", f"v{rw.__version__}", "enabled", "OK"], said
    assert line.endswith("(python, robust-widgets)"), "JupyterLab knows how to uninstall it"


def test_what_is_installed_is_whole() -> None:
    package = json.loads((INSTALLED / "package.json").read_text())
    assert (INSTALLED / package["jupyterlab"]["_build"]["load"]).is_file()
    licences = json.loads((INSTALLED / "static" / "third-party-licenses.json").read_text())["packages"]
    assert {one["licenseId"] for one in licences} == {"MIT"}, "the README names what is in the bundle"
    others = {one["name"] for one in licences} - {"robust-widgets-frontend"}
    named = (SOURCE / "README.md").read_text()
    assert others and all(name in named for name in others)


def test_its_version_is_the_packages() -> None:
    for file in ("package.json", "package-lock.json"):
        assert json.loads((SOURCE / file).read_text())["version"] == rw.__version__, file


LOCKS = ["labextension", "labextension/builder", "frontend"]


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_files_name_no_registry(lock: str) -> None:
    text = (ROOT / lock / "package-lock.json").read_text()
    assert '"resolved": "http' not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_files_are_for_every_platform(lock: str) -> None:
    packages = json.loads((ROOT / lock / "package-lock.json").read_text())["packages"]
    names = {path.rpartition("node_modules/")[2] for path in packages}
    wanted = {name for package in packages.values() for name in package.get("optionalDependencies", {})}
    assert wanted <= names, "npm refuses to install from a lock file that does not name what other platforms need"


def test_no_source_file_is_too_long() -> None:
    for path in [*SOURCE.glob("src/**/*.ts"), *SOURCE.glob("tests/*.ts"), *SOURCE.glob("style/*.css")]:
        assert len(path.read_text().splitlines()) <= 400, path
