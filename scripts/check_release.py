#!/usr/bin/env python3
"""Checks for a release; the release workflow runs them, and so can you.

python scripts/check_release.py tag v1.2.0     every file that names the version agrees with the tag
python scripts/check_release.py files dist     the wheel and the sdist in a folder are complete
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTENSION_SOURCE = "frontend/labextension"
EXTENSION = "share/jupyter/labextensions/robust-widgets"
# Built from a checkout, and part of every installation.
BUILT = (f"{EXTENSION}/package.json", f"{EXTENSION}/install.json")


def main(arguments: list[str]) -> int:
    match arguments:
        case ["tag", tag]:
            problems = list(check_tag(tag))
        case ["files", folder]:
            problems = list(check_files(Path(folder)))
        case _:
            problems = [str(__doc__)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def check_tag(tag: str, root: Path = ROOT) -> Iterator[str]:
    """Yield a sentence for each file whose version is not the tag's."""
    for file, version in versions(root).items():
        if tag != f"v{version}":
            yield f"{file} has version {version}, but the tag is {tag}; change one of them."
    heading = f"## {tag.removeprefix('v')}, "
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^{re.escape(heading)}\d{{4}}-\d\d-\d\d$", changelog, flags=re.MULTILINE):
        yield f"CHANGELOG.md has no line '{heading}YYYY-MM-DD'; replace 'unreleased' by the date of the release."


def versions(root: Path = ROOT) -> dict[str, str]:
    """The version in each file that states one."""
    package = (root / "robust_widgets/__init__.py").read_text(encoding="utf-8")
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    extension = (root / EXTENSION_SOURCE / "package.json").read_text(encoding="utf-8")
    return {
        "robust_widgets/__init__.py": _only(r'^__version__ = "(.+)"$', package),
        "CITATION.cff": _only(r'^version: "?([^"\n]+)"?$', citation),
        f"{EXTENSION_SOURCE}/package.json": json.loads(extension)["version"],
    }


def _only(pattern: str, text: str) -> str:
    (match,) = re.findall(pattern, text, flags=re.MULTILINE)
    return match


def check_files(folder: Path, root: Path = ROOT) -> Iterator[str]:
    """Yield a sentence for each file that a wheel or sdist lacks, or should not have."""
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        yield f"{folder} holds {len(wheels)} wheels and {len(sdists)} sdists; a release is one of each."
        return
    package = [f"robust_widgets/{name}" for name in _files(root / "robust_widgets")]
    notebooks = _files(root / "notebooks")
    with zipfile.ZipFile(wheels[0]) as wheel:
        names = [re.sub(r"^[^/]+\.data/data/", "", name) for name in wheel.namelist()]
    yield from _compare(wheels[0], names, [*package, *(f"robust_widgets/notebooks/{name}" for name in notebooks)])
    for name in names:
        if not name.startswith(("robust_widgets/", f"{EXTENSION}/")) and ".dist-info/" not in name:
            yield f"{wheels[0].name} should not contain {name}."
    with tarfile.open(sdists[0]) as sdist:
        names = [name.partition("/")[2] for name in sdist.getnames()]
    names = [re.sub(rf"^{EXTENSION_SOURCE}/(build/|(?=install\.json$))", f"{EXTENSION}/", name) for name in names]
    documents = ["README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml"]
    yield from _compare(sdists[0], names, [*package, *(f"notebooks/{name}" for name in notebooks), *documents])


def _files(folder: Path) -> list[str]:
    files = [file.relative_to(folder) for file in folder.rglob("*") if file.is_file()]
    hidden = ("__pycache__", ".ipynb_checkpoints")
    return sorted(file.as_posix() for file in files if not set(file.parts) & set(hidden))


def _compare(archive: Path, names: list[str], expected: list[str]) -> Iterator[str]:
    for name in sorted({*expected, *BUILT} - set(names)):
        yield f"{archive.name} lacks {name}."
    if not any(name.startswith(f"{EXTENSION}/static/remoteEntry.") for name in names):
        yield f"{archive.name} lacks the bundle of the JupyterLab extension."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
