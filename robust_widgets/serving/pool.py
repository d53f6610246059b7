"""The models of a server, each with a batcher for every device."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from robust_widgets.errors import UnknownNameError, unknown_name
from robust_widgets.interface.session import ModelInfo
from robust_widgets.serving.batcher import Batcher

CRASHED = 70  # exit status; the supervisor starts the server again


@dataclass
class ServedModel:
    """A model that people may paint with.

    Attributes:
        info: what widgets show of it.
        fingerprint: of its weights.
        batchers: one for each device.
    """

    info: ModelInfo
    fingerprint: str
    batchers: Sequence[Batcher]

    @property
    def freest(self) -> Batcher:
        """The batcher with the fewest runs."""
        return min(self.batchers, key=lambda batcher: batcher.load)


@dataclass
class Pool:
    """All models of a server, by name; the first one is the default.

    Attributes:
        crashed: called if a batcher's thread ends by an error; by default the process ends, to be started again.
    """

    models: Mapping[str, ServedModel]
    crashed: Callable[[], object] = lambda: os._exit(CRASHED)
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

    @property
    def batchers(self) -> list[Batcher]:
        """All of them."""
        return [batcher for model in self.models.values() for batcher in model.batchers]

    def start(self) -> None:
        """Start a thread for each batcher."""
        for index, batcher in enumerate(self.batchers):
            name = f"robust-widgets batcher {index}"
            thread = threading.Thread(target=self._take_turns, args=(batcher,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _take_turns(self, batcher: Batcher) -> None:
        try:
            batcher.run_forever()
        except BaseException:
            traceback.print_exc()
            self.crashed()

    @property
    def is_well(self) -> bool:
        """Whether all threads work."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def close(self, seconds: float = 10.0) -> None:
        """End all runs, and wait for the threads, each for some seconds at most."""
        for batcher in self.batchers:
            batcher.close()
        for thread in self._threads:
            thread.join(seconds)

    def model(self, name: str) -> ServedModel:
        """A model by name; ``""`` is the default one.

        Raises:
            UnknownNameError: the server does not offer it.
        """
        if not name:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise UnknownNameError(unknown_name("model of this server", name, list(self.models)))
        return self.models[name]

    def stop_all(self, owner: str | None = None) -> int:
        """End all runs, or those of one owner; returns how many."""
        return sum(batcher.stop_all(owner) for batcher in self.batchers)
