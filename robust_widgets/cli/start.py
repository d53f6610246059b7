"""``robust-widgets lab``: JupyterLab on the start notebook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from robust_widgets.cli.sentences import in_sentences
from robust_widgets.errors import SaveError

PACKAGE = Path(__file__).resolve().parent.parent
CHECKOUT = PACKAGE.parent
START = Path("notebooks", "start.ipynb")
COPY = "robust-widgets-start.ipynb"


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
    """Open JupyterLab on the start notebook.

    Its first cell shows the studio. In a checkout of the project this is its own notebook; elsewhere it is a copy in
    the current folder, made once and never overwritten.
    """
    folder, notebook = start_notebook(Path.cwd())
    command = [sys.executable, "-m", "jupyterlab"]
    command += [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{quote(notebook.as_posix())}"]
    if no_browser or not has_display():
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # a container's only user; the server still asks for its token
    become([*command, *(jupyter_options or [])])


def start_notebook(here: Path) -> tuple[Path, Path]:
    """The folder that JupyterLab shall show, and the start notebook in it.

    Raises:
        SaveError: the copy cannot be written into this folder.
    """
    from_checkout = (CHECKOUT / "pyproject.toml").is_file() and (CHECKOUT / START).is_file()
    if from_checkout and here.resolve().is_relative_to(CHECKOUT):
        return CHECKOUT, START
    source = (CHECKOUT if from_checkout else PACKAGE) / START
    try:
        with (here / COPY).open("xb") as copy:
            copy.write(source.read_bytes())
    except FileExistsError:
        pass
    except OSError as error:
        raise SaveError(
            f"The start notebook could not be copied into {str(here)!r} ({error.strerror}); go to a folder of yours."
        ) from None
    return here, Path(COPY)


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
