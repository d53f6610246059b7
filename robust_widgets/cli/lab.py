"""``robust-widgets lab``: open JupyterLab on the course's index."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from robust_widgets._files import atomic_write, make_folder
from robust_widgets.cli.options import report_errors
from robust_widgets.errors import SaveError

PACKAGE = Path(__file__).resolve().parent.parent
CHECKOUT = PACKAGE.parent
COURSE = Path("notebooks")
INDEX = "index.ipynb"
COPY = "robust-widgets-course"


@report_errors
def lab(
    jupyter_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="JUPYTER_OPTIONS", help="Passed on to JupyterLab, for example --port=8899."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address, as on a machine without a display.")
    ] = False,
) -> None:
    """Open JupyterLab on the index of the course.

    In a checkout of the project it opens its notebooks. Elsewhere it copies the course into the current folder first,
    without overwriting existing files.
    """
    folder, notebook = course_index(Path.cwd())
    command = [sys.executable, "-P", "-m", "jupyterlab"]
    command += [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{quote(notebook.as_posix())}"]
    if no_browser or not has_display():
        command.append("--no-browser")
    if sys.platform != "win32" and os.geteuid() == 0:
        command.append("--allow-root")  # often a container's only user; the server still requires its token
    replace_process([*command, *(jupyter_options or [])])


def course_index(here: Path) -> tuple[Path, Path]:
    """JupyterLab's root folder, and the course's index in it.

    Raises:
        SaveError: the course cannot be copied into this folder.
    """
    in_checkout = (CHECKOUT / "pyproject.toml").is_file() and (CHECKOUT / COURSE / INDEX).is_file()
    if in_checkout and here.resolve().is_relative_to(CHECKOUT):
        return CHECKOUT, COURSE / INDEX
    source = (CHECKOUT if in_checkout else PACKAGE) / COURSE
    try:
        for file in lessons(source):
            copy_once(file, here / COPY / file.relative_to(source))
    except OSError as error:
        raise SaveError(
            f"The course could not be copied into {str(here)!r} ({error.strerror}); run this in a folder of your own."
        ) from None
    return here, Path(COPY, INDEX)


def lessons(course: Path) -> list[Path]:
    """The course's notebooks and answers, without generated files."""
    return [*course.glob("*.ipynb"), *course.glob("solutions/*.md")]


def copy_once(file: Path, copy: Path) -> None:
    """Copy a file atomically, unless its copy already exists."""
    if not copy.exists():
        make_folder(copy.parent)
        atomic_write(copy, lambda output: output.write(file.read_bytes()))


def has_display() -> bool:
    """Whether a browser window can open."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def replace_process(command: list[str]) -> None:
    """Replace this process by another program, so that it alone receives Ctrl-C and signals."""
    if sys.platform == "win32":
        raise typer.Exit(subprocess.call(command))
    os.execv(command[0], command)
