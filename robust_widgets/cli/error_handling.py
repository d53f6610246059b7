"""Report a command's errors as a sentence on standard error instead of a traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from robust_widgets.errors import RobustWidgetsError, is_out_of_memory

BAD_INPUT = 2
INTERRUPTED = 130

P = ParamSpec("P")
R = TypeVar("R")


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Make a command print its errors as sentences, and exit with 2 for bad input or 130 for Ctrl-C.

    Unexpected errors keep their traceback: they are bugs of this package.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except RobustWidgetsError as error:
            sentence, code = str(error), BAD_INPUT
        except KeyboardInterrupt:
            sentence, code = "\nStopped.", INTERRUPTED  # on a new line, after "^C" and any progress bar
        except BrokenPipeError:
            raise  # the reader closed the pipe: let typer exit quietly
        except OSError as error:
            file = "A file" if error.filename is None else repr(str(error.filename))
            sentence, code = f"{file} could not be read or written: {error.strerror or error}.", BAD_INPUT
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            sentence = "Out of memory; give fewer or smaller pictures, a smaller batch, or another --device."
            code = BAD_INPUT
        typer.echo(sentence, err=True)
        raise typer.Exit(code)

    return run
