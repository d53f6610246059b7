"""A disk that is full after some bytes, as far as files of this package are concerned."""

from __future__ import annotations

import errno
import io
import os
from typing import Any

import pytest

from robust_widgets._files.partials import RawFile


def fill_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """From now on, only this many bytes of all files together can be written."""
    left = count

    def limited(file: RawFile, data: Any) -> int:
        nonlocal left
        fits = memoryview(data).cast("B")[:left]
        if not fits and len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = io.FileIO.write(file, fits)
        left -= written
        return written

    monkeypatch.setattr(RawFile, "to_disk", limited)
