"""What a person reads when a command cannot go on: a sentence on standard error, never a traceback."""

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


def in_sentences(command: Callable[P, R]) -> Callable[P, R]:
    """A command whose errors are sentences: exit code 2 for what it was given, 130 for Ctrl-C.

    An error that nobody foresaw keeps its traceback, because it is a fault of this package.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except RobustWidgetsError as error:
            sentence, code = str(error), BAD_INPUT
        except KeyboardInterrupt:
            sentence, code = "\nStopped.", INTERRUPTED  # below the "^C" and whatever bar stood there
        except BrokenPipeError:
            raise  # whoever read our output left; typer ends quietly
        except OSError as error:
            place = "A file" if error.filename is None else repr(str(error.filename))
            sentence, code = f"{place} could not be read or written: {error.strerror or error}.", BAD_INPUT
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            sentence = "The memory ran out; give fewer or smaller pictures, a smaller batch, or another --device."
            code = BAD_INPUT
        typer.echo(sentence, err=True)
        raise typer.Exit(code)

    return run
