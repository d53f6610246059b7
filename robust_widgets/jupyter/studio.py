"""Puts a studio and a backend together, and knows which cell of which notebook it stands in."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robust_widgets._bundled import DEFAULT, model_names
from robust_widgets.interface.session import Session
from robust_widgets.models.bundled import BundledModel
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.io import Picture, to_square_pixels
from robust_widgets.session.local import LocalSession
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE
from robust_widgets.widgets.studio import StudioWidget
from robust_widgets.widgets.studio.autosave import Autosave
from robust_widgets.widgets.studio.tasks import TASK_UI

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.training.data import DataSource
    from robust_widgets.training.trainer import TrainingRun
    from robust_widgets.widgets.training import TrainingMonitorWidget


def Studio(  # noqa: N802 - made like a widget, and stands for one
    picture: Picture | None = None,
    *,
    model: RobustClassifier | str | None = None,
    device: str | None = None,
    session: Session | None = None,
) -> StudioWidget:
    """The painting studio: all tasks on one canvas.

    A cell that is run again gets the same studio back, with its painting and its runs, even while a run is going on.
    After a kernel restart the painting comes back from disk.

    Args:
        picture: laid under the sketch at first; anything :func:`robust_widgets.pictures.tensors.to_batch` takes.
        model: a model, or what :func:`load_model` loads, a name or a file; by default the shipped ``"default"``.
        device: where to run; by default the fastest device.
        session: runs elsewhere than on this machine; then ``model`` and ``device`` are not used.

    Raises:
        PictureError: as :func:`robust_widgets.pictures.tensors.to_batch`.
        UnknownNameError, WeightsError, DeviceError: as :func:`robust_widgets.load_model`.
    """
    return _studio(TASKS, picture, model, device, session)


def SketchToImage(  # noqa: N802
    picture: Picture | None = None,
    *,
    model: RobustClassifier | str | None = None,
    device: str | None = None,
    session: Session | None = None,
) -> StudioWidget:
    """A canvas that turns a sketch into a picture; arguments as :func:`Studio`."""
    return _studio(("sketch_to_image",), picture, model, device, session)


def Generate(  # noqa: N802
    *, model: RobustClassifier | str | None = None, device: str | None = None, session: Session | None = None
) -> StudioWidget:
    """Pictures of a class from random seeds; arguments as :func:`Studio`."""
    return _studio(("generate",), None, model, device, session)


def Translate(  # noqa: N802
    picture: Picture | None = None,
    *,
    model: RobustClassifier | str | None = None,
    device: str | None = None,
    session: Session | None = None,
) -> StudioWidget:
    """A canvas that turns a picture into one of another class; arguments as :func:`Studio`."""
    return _studio(("translate",), picture, model, device, session)


def SuperResolve(  # noqa: N802
    picture: Picture | None = None,
    *,
    model: RobustClassifier | str | None = None,
    device: str | None = None,
    session: Session | None = None,
) -> StudioWidget:
    """A canvas that makes a picture small and enlarges it with the detail of its class; arguments as :func:`Studio`."""
    return _studio(("super_resolve",), picture, model, device, session)


def Inpaint(  # noqa: N802
    picture: Picture | None = None,
    *,
    model: RobustClassifier | str | None = None,
    device: str | None = None,
    session: Session | None = None,
) -> StudioWidget:
    """A canvas with a mask, whose inside is painted anew; arguments as :func:`Studio`."""
    return _studio(("inpaint",), picture, model, device, session)


def PaintFeatures(  # noqa: N802
    picture: Picture | None = None,
    *,
    model: RobustClassifier | str | None = None,
    device: str | None = None,
    session: Session | None = None,
) -> StudioWidget:
    """A canvas with a mask, in which features are painted; arguments as :func:`Studio`."""
    return _studio(("paint_features",), picture, model, device, session)


def TrainingMonitor(  # noqa: N802
    data: DataSource,
    out: str | os.PathLike[str] = "model.safetensors",
    *,
    val: DataSource | None = None,
    side: int | None = None,
    init: RobustClassifier | str | None = None,
    name: str = "",
    data_name: str = "",
    device: str | None = None,
    pictures: int = 8,
    **settings: Any,
) -> TrainingMonitorWidget:
    """Train a robust classifier and watch it learn: curves, and the same seeds painted after each epoch.

    Nothing is trained before Start is pressed. A stopped run goes on from where it was, also after the kernel was
    restarted: there is a checkpoint beside ``out`` until the run is done. While a run is going on, its monitor is what
    a cell that is run again gets back.

    Args:
        data, out, val, side, init, name, data_name, device: as :func:`robust_widgets.train` takes them.
        pictures: how many seed pictures are painted after each epoch, 0 for none.
        **settings: as :func:`robust_widgets.train` takes them.

    Raises:
        ParameterError, UnknownNameError: a setting is out of range or unknown.
        SaveError: ``out`` is not a place for a model.
        UnknownNameError, WeightsError, DeviceError: as :func:`robust_widgets.load_model`, for ``init``.
    """
    from robust_widgets.models.registry import choose_device, load_model
    from robust_widgets.session.training import BUSY, LocalTraining
    from robust_widgets.training.checkpoint import checkpoint_path
    from robust_widgets.training.settings import TrainingSettings
    from robust_widgets.training.train import model_path, prepare
    from robust_widgets.widgets.training import TrainingMonitorWidget

    path = model_path(out)
    chosen = choose_device(device)
    start = load_model(init, device="cpu") if isinstance(init, str) else init
    TrainingSettings.of(settings, start=start.card.architecture if start else None)
    known = _monitors.get(path.resolve())
    if known is not None and known.state in BUSY:
        return known

    def set_up(say: Callable[[str], object]) -> TrainingRun:
        return prepare(
            data,
            path,
            val=val,
            side=side,
            init=start,
            say=say,
            progress=False,
            settings=settings,
            name=name,
            data_name=data_name,
            device=chosen,
            panel=pictures,
            resume=checkpoint_path(path).exists(),
        )

    monitor = _monitors[path.resolve()] = TrainingMonitorWidget(LocalTraining(set_up), title=name or path.stem)
    return monitor


_monitors: dict[Path, TrainingMonitorWidget] = {}


TASKS = tuple(TASK_UI)


@dataclass
class _Place:
    """Where a studio stands, and what it was made from."""

    studio: StudioWidget
    picture: Pixels | None
    others: tuple[object, ...]

    def made_from(self, picture: Pixels | None, others: tuple[object, ...]) -> bool:
        """Whether the studio was made from these arguments."""
        same_picture = picture is self.picture or (
            picture is not None and self.picture is not None and np.array_equal(picture, self.picture)
        )
        return same_picture and all(new is old or new == old for new, old in zip(others, self.others, strict=True))


_places: dict[str, _Place] = {}
_calls: dict[str, int] = {}


def open_studios() -> list[StudioWidget]:
    """The studios of this kernel's cells that were not closed."""
    return [place.studio for place in _places.values() if not place.studio.closed]


def _studio(
    tasks: tuple[str, ...],
    picture: Picture | None,
    model: RobustClassifier | str | None,
    device: str | None,
    session: Session | None,
) -> StudioWidget:
    place = _place(tasks)
    pixels = to_square_pixels(picture, DEFAULT_SIDE) if picture is not None else None
    known = _places.get(place) if place is not None else None
    if known is not None and not known.studio.closed and known.made_from(pixels, (model, device, session)):
        return known.studio
    autosave = Autosave(place) if place is not None else None
    studio = StudioWidget(session or _session(model, device), tasks, picture=pixels, autosave=autosave)
    if known is not None:
        studio.adopt(known.studio, pixels)
    if place is not None:
        _places[place] = _Place(studio, pixels, (model, device, session))
    return studio


def _session(model: RobustClassifier | str | None, device: str | None) -> LocalSession:
    """A session. A shipped model is loaded behind the studio; one that only torch knows, or on a device, before it."""
    name = DEFAULT if model is None else model
    if isinstance(name, str) and name in model_names() and device in (None, "cpu"):
        return LocalSession(BundledModel(name, device))
    from robust_widgets.tasks.common import resolve_model

    return LocalSession(resolve_model(model, device))


def _place(tasks: tuple[str, ...]) -> str | None:
    """The notebook, the cell, the kind of studio, and which one in the cell; None outside a notebook's cell."""
    try:
        from IPython.core.getipython import get_ipython

        parent: dict[str, Any] = get_ipython().get_parent()  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        cell, execution = parent["metadata"]["cellId"], parent["header"]["msg_id"]
    except (ImportError, AttributeError, KeyError, TypeError):
        return None
    notebook = os.environ.get("JPY_SESSION_NAME", str(Path.cwd()))
    base = "\n".join([notebook, cell, *tasks])
    counter = f"{base}\n{execution}"
    for stale in [key for key in _calls if key.rpartition("\n")[0] == base and key != counter]:
        del _calls[stale]
    _calls[counter] = _calls.get(counter, -1) + 1
    return f"{base}\n{_calls[counter]}"
