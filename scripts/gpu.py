"""Check and measure on a GPU, within ten minutes, what no machine without one can; one JSON file holds the result.

    scripts/gpu gpu.json                   # on CUDA, else on MPS
    scripts/gpu gpu.json --wheels wheels   # first unpack wheels of packages that the machine lacks
    scripts/gpu gpu.json --only capture stop

It needs this repository and the machine's torch; nothing is installed or downloaded. Each check runs in a process of
its own, with its own time: one that fails, hangs or crashes does not stop the others. The JSON says of each check
whether it passed, failed or was skipped, why, how long it took, and its figures.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gpu_checks import CHECKS
from gpu_machine import CUDA, MPS, ROOT, Machine, SkippedError, run_program, tail

SECONDS = 590.0  # for everything
NEEDED = ("torch", "torchvision", "numpy", "PIL", "safetensors", "pydantic", "tqdm", "typer")


def perform(name: str, machine: Machine) -> dict[str, Any]:
    """Run one check here, and say how it went."""
    planned, began = CHECKS[name], time.perf_counter()
    result: dict[str, Any] = {"status": "passed", "reason": "", "figures": {}}
    try:
        if machine.kind not in planned.kinds:
            raise SkippedError(f"it is for {' and '.join(planned.kinds)}")
        result["figures"] = planned.run(machine)
    except SkippedError as reason:
        result |= {"status": "skipped", "reason": str(reason)}
    except BaseException as error:  # whatever a driver raises is a result
        result |= {"status": "failed", "reason": f"{type(error).__name__}: {error}", "details": traceback.format_exc()}
    return {**result, "seconds": round(time.perf_counter() - began, 2)}


def perform_apart(name: str, kind: str, seconds: float) -> dict[str, Any]:
    """Run one check in a process of its own, for at most this long."""
    with tempfile.TemporaryDirectory() as folder:
        file, began = Path(folder) / "result.json", time.perf_counter()
        options = ["--inside", name, "--device", kind, "--seconds", f"{seconds:.0f}"]
        done = run_program([sys.executable, __file__, str(file), *options], seconds)
        took = round(time.perf_counter() - began, 2)
        if file.is_file():
            return {**json.loads(file.read_text()), "seconds": took}
        why = f"it took more than {seconds:.0f} s" if done.returncode is None else f"it ended with {done.returncode}"
        return {"status": "failed", "reason": why, "figures": {}, "details": tail(done, 20), "seconds": took}


def run_all(
    kind: str, names: Sequence[str], apart: Callable[[str, str, float], dict[str, Any]], seconds: float = SECONDS
) -> dict[str, Any]:
    """All checks, each within its own time and that of all; what no time is left for is skipped."""
    end, results = time.perf_counter() + seconds, dict[str, dict[str, Any]]()
    for name in names:
        left = end - time.perf_counter()
        planned = CHECKS[name]
        if kind not in planned.kinds:
            result = {"status": "skipped", "reason": f"it is for {' and '.join(planned.kinds)}", "figures": {}}
        elif left < 10:
            result = {"status": "skipped", "reason": "no time was left", "figures": {}}
        else:
            result = apart(name, kind, min(planned.seconds, left))
        results[name] = result
        print(f"{name:22} {result['status']:8} {result['reason'][:90]}", flush=True)
    return {"device": kind, "checks": results}


def find_device() -> str:
    """The kind of the fastest device."""
    import torch

    return CUDA if torch.cuda.is_available() else MPS if torch.backends.mps.is_available() else "cpu"


def unpack_wheels(folder: Path) -> Path:
    """Unpack wheels into a new folder, to import them from."""
    target = Path(tempfile.mkdtemp())
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and write the JSON; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("file", type=Path, help="the JSON file to write")
    parser.add_argument("--only", nargs="+", choices=list(CHECKS), default=list(CHECKS), help="only these checks")
    parser.add_argument("--device", choices=(CUDA, MPS, "cpu"), help="by default CUDA, else MPS")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels to unpack and use")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all checks together")
    parser.add_argument("--inside", choices=list(CHECKS), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.wheels is not None:
        sys.path.insert(0, str(unpack_wheels(options.wheels)))
    sys.path.insert(0, str(ROOT))
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path for path in sys.path if path))
    if options.inside is not None:
        result = perform(options.inside, Machine(options.device, options.seconds))
        options.file.write_text(json.dumps(result, indent=1, default=str))
        return 0
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"This machine lacks {', '.join(missing)}; give their wheels with --wheels.", file=sys.stderr)
        return 2
    kind = options.device or find_device()
    report = run_all(kind, options.only, perform_apart, options.seconds)
    options.file.write_text(json.dumps(report, indent=1, default=str))
    return int(any(result["status"] == "failed" for result in report["checks"].values()))


if __name__ == "__main__":
    sys.exit(main())
