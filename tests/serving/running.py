"""A server in a thread of the tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.serving.batcher import Batcher, Device
from robust_widgets.serving.device import ModelDevice
from robust_widgets.serving.limits import Limits
from robust_widgets.serving.pool import Pool, ServedModel
from robust_widgets.serving.server import Context, serve
from robust_widgets.serving.users import Anybody, Users
from robust_widgets.session.worker import ModelWorker

PATIENCE = 60.0


class RunningServer:
    """A server on loopback, for the length of a ``with`` block.

    Args:
        models: by name; a device stands for itself, with the description of the model next to it.
        users: who may come in.
        port: where to listen; 0 is any free port.
    """

    def __init__(
        self,
        models: Mapping[str, RobustClassifier],
        users: Users | None = None,
        *,
        devices: Mapping[str, Device] | None = None,
        limits: Limits | None = None,
        port: int = 0,
        **options: Any,
    ) -> None:
        served = {
            name: ServedModel(
                ModelWorker(model).info(),
                model.fingerprint,
                [Batcher((devices or {}).get(name) or ModelDevice(model), limits)],
            )
            for name, model in models.items()
        }
        self.context = Context(Pool(served, lambda: None), users or Anybody(), **options)
        self.port = port
        self._listening = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(serve(self.context, "127.0.0.1", self.port, ready=self._ready, stop=self._stop))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _ready(self, port: int) -> None:
        self.port = port
        self._listening.set()

    def __enter__(self) -> RunningServer:
        self._thread.start()
        assert self._listening.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
