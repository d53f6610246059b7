"""A class on one machine: what the server costs beside the same runs in one process, in one go.

    python benchmarks/serving.py                                   # 30 students, "tiny", with the server and without
    python benchmarks/serving.py --students 300 --pretended 10     # a pretended device of 10 ms a step
    python benchmarks/serving.py --students 4 --seconds 5 --rounds 1

Every student runs again and again, each with another class, epsilon and step size; a quarter of the runs are stopped on
the way. Prints frames a second, the time from a request to its first frame and from Stop to the end (median and 95th
percentile), the slowest student's frames a second, CPU time and memory of the server's process, and how many runs did
not end as they should, which is to be none. Rounds with and without the server alternate. On a shared machine, quote
ratios rather than times.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import random
import statistics
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from robust_widgets.interface import messages
from robust_widgets.interface.explanation import Answer, NoAnswer, Question
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import ModelInfo, RunRequest
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.serving.batcher import Batcher, DeviceRun, Ended, Event, Ticket
from robust_widgets.serving.limits import Limits
from robust_widgets.serving.pool import Pool, ServedModel
from robust_widgets.session.server_link import ServerAddress, ServerLink

SIDE = 64
CLASSES = 27
STOPPED = 0.25  # of the runs


@dataclass
class Numbers:
    """What was seen by the students.

    Attributes:
        frames: of each student.
        first, stop: seconds to the first frame, and from Stop to the end.
        lost: runs that ended in another state than they should, or whose frames had gaps.
    """

    frames: dict[int, int] = field(default_factory=dict[int, int])
    first: list[float] = field(default_factory=list[float])
    stop: list[float] = field(default_factory=list[float])
    ended: int = 0
    lost: int = 0


@dataclass
class PretendedRun:
    """A run of a pretended device."""

    trace: Trace
    steps: int
    step: int = 0
    key: Hashable | None = "all"
    cost: int = SIDE * SIDE
    frame_bytes: int = 4 * SIDE * SIDE

    @property
    def finished(self) -> bool:
        return self.step > self.steps


class PretendedDevice:
    """Takes a fixed time for a step of however many runs, as a GPU does as long as they fit.

    Args:
        seconds: of a step.
    """

    input_size = SIDE

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pixels = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8)
        self._heat = self._pixels[..., 0]
        self._probabilities = np.full((1, CLASSES), 1 / CLASSES, np.float32)

    def begin(self, request: RunRequest) -> PretendedRun:
        return PretendedRun(Trace(request.task, dict(request.parameters)), int(request.parameters["steps"]))

    def step(self, runs: Sequence[DeviceRun]) -> list[Frame | Exception | None]:
        time.sleep(self._seconds)
        frames: list[Frame | Exception | None] = []
        for run in runs:
            assert isinstance(run, PretendedRun)
            numbers = {name: np.zeros(1) for name in ("loss", "probability", "distance")}
            heat = None if run.step == run.steps else self._heat
            frames.append(
                Frame(run.step, self._pixels, **numbers, seconds=0.0, probabilities=self._probabilities, gradient=heat)
            )
            run.step += 1
        return frames

    def free(self) -> None:
        pass

    def answer(self, question: Question) -> Answer:
        return NoAnswer("A pretended device knows nothing.")

    def class_picture(self, index: int, go_on: Callable[[], bool]) -> bytes | None:
        return b""

    def measure(self, go_on: Callable[[], bool]) -> tuple[bool, Robustness | None]:
        return True, None


def make_pool(model: str, pretended: float | None) -> Pool:
    """The pool that both sides use."""
    if pretended is not None:
        info = ModelInfo("pretended", tuple(f"class {index}" for index in range(CLASSES)), SIDE)
        return Pool({model: ServedModel(info, "", [Batcher(PretendedDevice(pretended / 1000), Limits())])})
    from robust_widgets.models.registry import load_model
    from robust_widgets.serving.device import ModelDevice
    from robust_widgets.session.worker import ModelWorker

    classifier = load_model(model, precision="float32")
    device = ModelDevice(classifier)
    device.warm_up()
    batcher = Batcher(device, Limits())
    return Pool({model: ServedModel(ModelWorker(classifier).info(), classifier.fingerprint, [batcher])})


def request_of(dice: random.Random, steps: int) -> RunRequest:
    parameters = {
        "steps": steps,
        "seed": dice.randrange(1000),
        "epsilon": dice.uniform(5, 60),
        "step_size": dice.uniform(0.5, 2),
    }
    return RunRequest("generate", str(dice.randrange(CLASSES)), parameters)


def stop_step(dice: random.Random, steps: int) -> int | None:
    """The step after which a run is stopped, for a quarter of the runs."""
    return dice.randrange(1, max(2, steps // 2)) if dice.random() < STOPPED else None


def as_expected(state: str, stopped: bool, complete: bool) -> bool:
    """Whether a run ended as it should; one that is stopped at its last frame may be done before."""
    return state == ("stopped" if stopped else "done") or (complete and stopped and state == "done")


def in_one_process(pool: Pool, students: int, seconds: float, steps: int) -> Numbers:
    """The same runs without a server: the batcher's events go straight to the students."""
    numbers, batcher = Numbers(), pool.batchers[0]
    end = time.monotonic() + seconds
    idle = threading.Semaphore(0)

    def student(index: int, dice: random.Random) -> None:
        asked, stopped, seen = time.monotonic(), [0.0], [-1]
        stop_after = stop_step(dice, steps)
        ticket: list[Ticket] = []

        def sink(event: Event) -> None:
            now = time.monotonic()
            if isinstance(event, Frame):
                seen[0] += 1
                numbers.lost += event.step != seen[0]
                numbers.frames[index] = numbers.frames.get(index, 0) + 1
                if event.step == 0:
                    numbers.first.append(now - asked)
                batcher.acknowledge(ticket[0], event.step)
                if event.step == stop_after or now > end:
                    stopped[0] = stopped[0] or now
                    batcher.stop(ticket[0])
            elif isinstance(event, Ended):
                finish(event, now)

        def finish(event: Ended, now: float) -> None:
            numbers.ended += 1
            numbers.lost += not as_expected(event.state, bool(stopped[0]), seen[0] == steps)
            if stopped[0]:
                numbers.stop.append(now - stopped[0])
            if now < end:
                student(index, dice)
            else:
                idle.release()

        ticket.append(batcher.submit(f"student {index}", request_of(dice, steps), sink))

    for index in range(students):
        student(index, random.Random(index))
    for _ in range(students):
        idle.acquire()
    return numbers


async def on_the_server(url: str, students: int, seconds: float, steps: int) -> Numbers:
    """The runs of students who are connected by a WebSocket each."""
    numbers = Numbers()
    end = time.monotonic() + seconds

    async def student(index: int) -> None:
        dice, number = random.Random(index), 0
        link = await ServerLink.open(ServerAddress.of(url), f"{index + 1:x}", 30)
        while time.monotonic() < end:
            number += 1
            asked, stopped, seen, stop_after = time.monotonic(), 0.0, -1, stop_step(dice, steps)
            link.send(*messages.from_request(number, "", request_of(dice, steps), -1))
            while True:
                message, arrays = await link.receive()
                now = time.monotonic()
                if isinstance(message, messages.FrameMessage) and message.id == number:
                    frame = messages.to_frame(message, arrays)
                    seen += 1
                    numbers.lost += frame.step != seen
                    numbers.frames[index] = numbers.frames.get(index, 0) + 1
                    if frame.step == 0:
                        numbers.first.append(now - asked)
                    link.taken(number, frame.step)
                    if not stopped and (frame.step == stop_after or now > end):
                        stopped = now
                        link.send(messages.Stop(id=number))
                elif isinstance(message, messages.Ended):
                    numbers.ended += 1
                    numbers.lost += not as_expected(message.state, bool(stopped), seen == steps)
                    if stopped:
                        numbers.stop.append(now - stopped)
                    break
        link.close()

    await asyncio.gather(*(student(index) for index in range(students)))
    return numbers


def _serve(model: str, pretended: float | None, pipe: Connection) -> None:
    from robust_widgets.serving.server import Context, serve
    from robust_widgets.serving.users import Anybody

    pool = make_pool(model, pretended)
    asyncio.run(serve(Context(pool, Anybody()), "127.0.0.1", 0, ready=pipe.send))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100
    except OSError:
        return 0.0


def memory(pid: int) -> float:
    """Megabytes that belong to a process; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000
    except (OSError, StopIteration):
        return 0.0


def row(name: str, numbers: Numbers, seconds: float, cpu: float = 0.0, megabytes: float = 0.0) -> tuple[str, float]:
    """A line of the table, and the frames a second in it."""
    frames = sum(numbers.frames.values())
    slowest = min(numbers.frames.values(), default=0) / seconds
    cells = [f"{frames / seconds:9.1f}", f"{slowest:8.1f}", _both(numbers.first), _both(numbers.stop)]
    cells += [f"{1000 * cpu / max(1, frames):9.2f}" if cpu else 9 * " ", f"{megabytes:7.0f}" if megabytes else 7 * " "]
    return "  ".join([f"{name:12}", *cells, f"{numbers.ended:6}", f"{numbers.lost:5}"]), frames / seconds


def _both(times: list[float]) -> str:
    if len(times) < 2:
        return f"{'':>13}"
    return f"{1000 * statistics.median(times):6.0f}/{1000 * statistics.quantiles(times, n=20)[-1]:6.0f}"


HEAD = "side          frames/s   slowest   first ms 50/95  stop ms 50/95  CPU ms/fr  memory    runs   lost"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=30.0, help="of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--pretended", type=float, metavar="MS", help="no model: so many milliseconds a step")
    options: Any = parser.parse_args()

    pool = make_pool(options.model, options.pretended)
    pool.start()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(options.model, options.pretended, theirs), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ours.recv()}"
    assert server.pid is not None
    print(f"{options.students} students, {options.steps} steps, rounds of {options.seconds:g} s\n{HEAD}")
    work = options.students, options.seconds, options.steps
    ratios: list[float] = []
    for _ in range(options.rounds):
        line, without = row("one process", in_one_process(pool, *work), options.seconds)
        print(line)
        before = cpu_seconds(server.pid)
        numbers = asyncio.run(on_the_server(url, *work))
        spent = cpu_seconds(server.pid) - before
        line, frames = row("server", numbers, options.seconds, spent, memory(server.pid))
        print(line)
        ratios.append(without / max(frames, 1e-9))
    print(f"\none process / server, frames a second: {statistics.median(ratios):.2f} (median of {options.rounds})")
    server.terminate()


if __name__ == "__main__":
    main()
