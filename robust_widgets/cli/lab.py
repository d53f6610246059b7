"""``robust-widgets lab``: JupyterLab on the index of the course."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from robust_widgets._files import atomic_write, make_folder
from robust_widgets.cli.error_handling import in_sentences
from robust_widgets.errors import SaveError

PACKAGE = Path(__file__).resolve().parent.parent
CHECKOUT = PACKAGE.parent
COURSE = Path("notebooks")
INDEX = "index.ipynb"
COPY = "robust-widgets-course"


@in_sentences
def lab(
    jupyter_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="JUPYTER_OPTIONS", help="Handed on to JupyterLab, for example --port=8899."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address; so it is where there is no display.")
    ] = False,
) -> None:
    """Open JupyterLab on the index of the course.

    In a checkout of the project this is its own folder of notebooks; elsewhere it is a copy in the current folder,
    in which a file that is there is never overwritten.
    """
    folder, notebook = course_index(Path.cwd())
    command = [sys.executable, "-m", "jupyterlab"]
    command += [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{quote(notebook.as_posix())}"]
    if no_browser or not has_display():
        command.append("--no-browser")
    if sys.platform != "win32" and os.geteuid() == 0:
        command.append("--allow-root")  # a container's only user; the server still asks for its token
    become([*command, *(jupyter_options or [])])


def course_index(here: Path) -> tuple[Path, Path]:
    """The folder that JupyterLab shall show, and the course's index in it.

    Raises:
        SaveError: the copy cannot be written into this folder.
    """
    from_checkout = (CHECKOUT / "pyproject.toml").is_file() and (CHECKOUT / COURSE / INDEX).is_file()
    if from_checkout and here.resolve().is_relative_to(CHECKOUT):
        return CHECKOUT, COURSE / INDEX
    source = (CHECKOUT if from_checkout else PACKAGE) / COURSE
    try:
        for file in lessons(source):
            copy_once(file, here / COPY / file.relative_to(source))
    except OSError as error:
        raise SaveError(
            f"The course could not be copied into {str(here)!r} ({error.strerror}); go to a folder of yours."
        ) from None
    return here, Path(COPY, INDEX)


def lessons(course: Path) -> list[Path]:
    """The course's notebooks and answers, without what running them left behind."""
    return [*course.glob("*.ipynb"), *course.glob("solutions/*.md")]


def copy_once(file: Path, copy: Path) -> None:
    """Copy a file, whole or not at all, unless its copy is there already."""
    if not copy.exists():
        make_folder(copy.parent)
        atomic_write(copy, lambda written: written.write(file.read_bytes()))


def has_display() -> bool:
    """Whether a browser window can be expected to appear."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def become(command: list[str]) -> None:
    """Turn this process into another program, so that Ctrl-C and signals reach that alone."""
    if sys.platform == "win32":
        raise typer.Exit(subprocess.call(command))
    os.execv(command[0], command)
