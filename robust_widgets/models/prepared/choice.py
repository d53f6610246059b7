"""Which way of running a model is the fastest on this machine: measured once, and kept."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import cast

import platformdirs
import torch

from robust_widgets.errors import SaveError
from robust_widgets.files import write_whole
from robust_widgets.timing import in_turn

ROUNDS = 5
MARGIN = 0.95  # another way must take less than this share of the network's own time


def kept_times(fingerprint: str) -> dict[str, float] | None:
    """Milliseconds a pass of each way, as they were measured on this machine; None where they were not."""
    found = _all_times().get(_key(fingerprint))
    if not isinstance(found, dict):
        return None
    return {str(name): float(taken) for name, taken in cast("dict[object, float]", found).items()}


def measure(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds a call of each way, medians of calls in turn, after one that does not count."""
    return {name: statistics.median(taken) for name, taken in in_turn(ways, ROUNDS).items()}


def keep_times(fingerprint: str, times: dict[str, float]) -> None:
    """Keep what was measured; where that cannot be written it is measured anew next time."""
    with suppress(OSError, SaveError):
        kept = {**_all_times(), _key(fingerprint): times}
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_file(), lambda file: file.write(json.dumps(kept, indent=1).encode()))


def fastest(times: dict[str, float], own: str) -> str:
    """The way that takes least, or the network's own where the gain is within the noise."""
    best = min(times, key=times.__getitem__)
    return best if times[best] < MARGIN * times[own] else own


def _all_times() -> dict[str, object]:
    with suppress(OSError, ValueError):
        found: object = json.loads(_file().read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return cast("dict[str, object]", found)
    return {}


def _file() -> Path:
    return platformdirs.user_cache_path("robust-widgets") / "speed.json"


def _key(fingerprint: str) -> str:
    """What the times depend on."""
    try:
        runtime = version("onnxruntime")
    except PackageNotFoundError:
        runtime = "none"
    parts = (fingerprint, torch.__version__, runtime, _processor(), f"{torch.get_num_threads()} threads")
    return ", ".join(parts)


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
