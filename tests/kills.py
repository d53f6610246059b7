"""Processes that are killed at any moment."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from robust_widgets._files.partials import PARTIAL

# How often each test kills; ROBUST_WIDGETS_KILLS=20 is for a run by hand.
KILLS = int(os.environ.get("ROBUST_WIDGETS_KILLS", "2"))
LONGEST_PAUSE = 0.2


def killed(program: list[str], begun: Callable[[], bool], *, times: int = KILLS, seed: int = 0) -> Iterator[int]:
    """Start a program again and again, and kill it at a random moment after it has begun; yields after each kill."""
    moments = random.Random(seed)
    for number in range(times):
        with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            while process.poll() is None and not begun():
                time.sleep(0.001)
            time.sleep(moments.uniform(0, LONGEST_PAUSE))
            process.kill()
            _, errors = process.communicate()
        assert process.returncode != 1 or sys.platform == "win32", errors.decode()
        yield number


def partials(folder: Path) -> list[str]:
    """The half written files of a folder."""
    return [path.name for path in folder.rglob(".*") if PARTIAL.fullmatch(path.name)]
