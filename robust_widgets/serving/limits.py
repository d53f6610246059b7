"""What a server lets each person have, and the sentences for what it refuses."""

from __future__ import annotations

from dataclasses import dataclass

from robust_widgets.errors import ParameterError, StateError
from robust_widgets.interface.session import RunRequest
from robust_widgets.interface.tasks import task_spec


@dataclass(frozen=True)
class Limits:
    """What a server lets each person have.

    Attributes:
        runs: of one owner at a time; one for each of two open studios.
        pictures: of a run.
        side: width and height of a run's pictures in pixels.
        steps: of a run.
        active: runs that take steps at the same time.
        waiting: runs that wait for a place among them.
        frames_per_second: of all runs together; each gets its share.
        least_per_second, most_per_second: frames a second of a run, whatever its share. More than 60 nobody can see.
        bytes_per_second: of frames to one owner.
        window: seconds of frames that may be under way to a notebook before its run sits out; a notebook tells up to
            0.04 s late what has arrived.
    """

    runs: int = 2
    pictures: int = 16
    side: int = 512
    steps: int = 1000
    active: int = 300
    waiting: int = 100
    frames_per_second: float = 2400.0
    least_per_second: float = 8.0
    most_per_second: float = 60.0
    bytes_per_second: float = 8e6
    window: float = 0.15

    def check(self, request: RunRequest, input_size: int) -> None:
        """Refuse a request that asks for more than is allowed, before anything is computed for it.

        Args:
            request: what somebody wants to run.
            input_size: the model's own width of pictures.

        Raises:
            ParameterError: it asks for too much, or for something impossible.
            UnknownNameError: there is no such task or parameter.
        """
        parameters = task_spec(request.task).check(request.parameters)
        count = len(request.start) if request.start is not None else parameters.get("n", 1)
        side = parameters.get("size") or input_size
        for what, value, most, unit in (
            ("n", count, self.pictures, "pictures"),
            ("size", side, max(self.side, input_size), "pixels"),
            ("steps", parameters.get("steps", 1), self.steps, "steps"),
        ):
            if value > most:
                raise ParameterError(f"{what} is {value}; this server allows at most {most:,} {unit} in a run.")

    def check_places(self, own: int, waiting: int) -> None:
        """Refuse one run more than is allowed.

        Args:
            own: runs that the owner has already.
            waiting: runs of everybody that wait for a place.

        Raises:
            StateError: there is no place.
        """
        if own >= self.runs:
            raise StateError(
                f"You have {own} runs on this server already, and it allows {self.runs}; stop one, or wait for its end."
            )
        if waiting >= self.waiting:
            raise StateError(f"The server is full: {waiting} runs wait already; try again in a minute.")

    def rate(self, active: int, frame_bytes: int) -> float:
        """Frames a second that each run may make.

        Args:
            active: runs that take steps.
            frame_bytes: the size of a frame.
        """
        share = self.frames_per_second / max(1, active)
        rate = min(self.most_per_second, max(self.least_per_second, share))
        return min(rate, max(1.0, self.bytes_per_second / max(1, frame_bytes)))
