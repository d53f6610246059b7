"""Parts of a large piece of work, for processes that know nothing of each other."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robust_widgets.errors import ParameterError, short_repr

MOST = 100_000
# Of a job array: this task's number, the first one, how many there are, and the step between them.
SLURM = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_STEP")


@dataclass(frozen=True)
class Shard:
    """One of several equal parts.

    Attributes:
        number: from 1.
        count: how many there are.

    Raises:
        ParameterError: there is no such part.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count <= MOST:
            raise ParameterError(
                f"The shard is {self.number}/{self.count}; give a part and how many there are, such as 3/64, at most "
                f"{MOST:,}."
            )

    @classmethod
    def of(cls, text: Shard | str, environment: Mapping[str, str] = os.environ) -> Shard:
        """A shard as people write it: ``"3/64"``, or ``"slurm"`` for the task of a Slurm job array.

        Raises:
            ParameterError: it is neither, or this process is no task of an array.
        """
        if isinstance(text, Shard):
            return text
        if text == "slurm":
            try:
                number, first, count, step = (int(environment.get(name, "") or "x") for name in SLURM)
            except ValueError:
                raise ParameterError(
                    "The shard is 'slurm', and this process is no task of a Slurm job array; start it with "
                    "'sbatch --array=1-64', or give a shard such as 3/64."
                ) from None
            return cls((number - first) // max(1, step) + 1, count)
        match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", str(text))
        if match is None:
            raise ParameterError(
                f"The shard is {short_repr(text)}; give a part and how many there are, such as 3/64, or 'slurm'."
            )
        return cls(int(match[1]), int(match[2]))

    def positions(self, total: int) -> range:
        """The positions of this part among ``total``; the parts differ by one at most, and none is in two of them."""
        return range(total * (self.number - 1) // self.count, total * self.number // self.count)

    def folder(self, out: Path) -> Path:
        """The folder of this part."""
        return out / f"shard-{self.number:0{len(str(self.count))}}-of-{self.count}"

    def settings(self, total: int) -> dict[str, Any]:
        """What a folder says of its part, so that one of other work is not mixed with it."""
        return {"shard": f"{self.number}/{self.count}", "shard_of": total}
