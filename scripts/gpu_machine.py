"""What a check on a GPU needs: the device, and programs with a limit of time."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CUDA, MPS = "cuda", "mps"


class SkippedError(Exception):
    """A check that makes no sense here; the message says why."""


def require(condition: bool, message: str) -> None:
    """Fail the check with this message unless the condition holds."""
    if not condition:
        raise AssertionError(message)


@dataclass
class Machine:
    """The device that is checked.

    Attributes:
        kind: "cuda", "mps" or "cpu".
        seconds: how long the current check may take.
    """

    kind: str
    seconds: float = 60.0
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp()))

    @cached_property
    def device(self) -> Any:
        import torch

        return torch.device(self.kind)

    def model(self, name: str = "tiny", **options: Any) -> Any:
        """A bundled model on the device, as a run of its own uses it."""
        import robust_widgets as rw

        return rw.load_model(name, device=self.device, **options).copy_to(self.device)

    def plain(self, model: Any) -> Any:
        """The same model without recorded steps."""
        return model.uncompiled()

    def synchronize(self) -> None:
        """Wait for the device."""
        import torch

        if self.kind in (CUDA, MPS):
            getattr(torch, self.kind).synchronize()

    def records(self) -> bool:
        """Whether runs are recorded here."""
        return self.kind == CUDA


@dataclass
class Done:
    """An ended program; `returncode` is None if its time was up."""

    returncode: int | None
    stdout: str
    stderr: str


def run_program(command: Sequence[str], seconds: float) -> Done:
    """Run a program in the repository, for at most this many seconds."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        parts = [part.decode() if isinstance(part, bytes) else part or "" for part in (error.stdout, error.stderr)]
        return Done(None, *parts)
    return Done(done.returncode, done.stdout, done.stderr)


def tail(done: Done, lines: int = 3) -> str:
    """The last lines of what a program printed."""
    text = "\n".join((done.stdout, done.stderr)).strip().splitlines()
    ended = [] if done.returncode is not None else ["(its time was up)"]
    return "\n".join([*text[-lines:], *ended])
