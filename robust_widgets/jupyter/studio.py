"""Opens studios and training monitors, one per cell of a notebook."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from robust_widgets._bundled import STUDIO, model_names
from robust_widgets._deprecated import renamed_keywords, warn_renamed
from robust_widgets.errors import UnknownNameError, at_least, unknown_name
from robust_widgets.interface.session import Session
from robust_widgets.interface.tasks import task_names, task_spec
from robust_widgets.models.bundled import BundledModel
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.io import Picture, to_square_pixels
from robust_widgets.session.browser import BrowserSession
from robust_widgets.session.local import LocalSession
from robust_widgets.session.remote import RemoteSession
from robust_widgets.session.server_link import ServerAddress
from robust_widgets.session.server_or_here import ServerOrHere
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE
from robust_widgets.widgets.studio import StudioWidget
from robust_widgets.widgets.studio.autosave import Autosave
from robust_widgets.widgets.studio.cell import Cell, running_cell, shell
from robust_widgets.widgets.studio.engine import BrowserEngine

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.training.data import DataSource
    from robust_widgets.training.trainer import TrainingRun
    from robust_widgets.widgets.training import TrainingMonitorWidget

BROWSER = "browser"


def Studio(  # noqa: N802 - opens a widget, and is called like one
    picture: Picture | None = None,
    *,
    task: str | Sequence[str] | None = None,
    model: RobustClassifier | str | None = None,
    device: str | None = None,
    session: Session | Literal["browser"] | None = None,
) -> StudioWidget:
    """Open a painting studio.

    If its cell is run again, the same studio comes back with its painting and its runs, even during a run. After a
    kernel restart the painting is restored from disk. A studio that its cell no longer makes is closed when the cell
    has run, unless it has a name, is shown by another cell or was moved to a tab.

    Args:
        picture: laid under the sketch at first; anything that :func:`robust_widgets.to_batch` takes.
        task: the task it offers, or several; by default all of them.
        model: a model, or what :func:`load_model` loads: a name or a file. By default the bundled ``"photos"``.
        device: where to run; by default the server that the environment variable ``ROBUST_WIDGETS_SERVER`` names, if
            it does, else the fastest device of this machine. A device that is named is always of this machine.
        session: runs elsewhere, such as :class:`RemoteSession`; then ``model`` and ``device`` are ignored. With
            ``"browser"``, the browser that shows the studio computes the runs, and the kernel only records them: for a
            kernel with a slow processor, or one that many share. Runs then end when the page is closed. It needs
            JupyterLab or Notebook with this package's extension, and the extra ``fast`` in the kernel.

    Raises:
        PictureError: as :func:`robust_widgets.to_batch`.
        UnknownNameError: there is no such task, model or session.
        WeightsError, DeviceError: as :func:`robust_widgets.load_model`.
    """
    if isinstance(session, str) and session != BROWSER:
        raise UnknownNameError(unknown_name("session", session, [BROWSER]))
    tasks: tuple[Any, ...] = task_names()
    if task is not None:
        is_one = isinstance(task, str) or not isinstance(task, Iterable)  # pyright: ignore[reportUnnecessaryIsInstance]
        tasks = (task,) if is_one else tuple(task)
    for name in tasks or ("",):
        task_spec(name)
    cell = running_cell()
    place = _place(ALL_TASKS if task is None else tasks, cell) if cell is not None else ""
    pixels = to_square_pixels(picture, DEFAULT_SIDE) if picture is not None else None
    known = _places.get(place)
    if known is not None and not known.studio.closed and known.made_from(pixels, (model, device, session)):
        known.cell = cell or known.cell
        return known.studio
    autosave = Autosave(place) if cell is not None and cell.has_id else None
    engine = BrowserEngine() if isinstance(session, str) else None
    if session is None or isinstance(session, str):
        runs = _session(model, device) if engine is None else _browser_session(model, device, engine)
    else:
        runs = session
    studio = StudioWidget(runs, tasks, picture=pixels, autosave=autosave, engine=engine)
    if known is not None:
        studio.adopt(known.studio, pixels)
    if cell is not None:
        _places[place] = _Place(studio, pixels, (model, device, session), cell)
        _watch_cells()
    _forget_closed()
    return studio


def SketchToImage(picture: Picture | None = None, **options: Any) -> StudioWidget:  # noqa: N802
    """Deprecated; use ``Studio(task="sketch_to_image")``."""
    return _renamed("SketchToImage", "sketch_to_image", picture, options)


def Generate(**options: Any) -> StudioWidget:  # noqa: N802
    """Deprecated; use ``Studio(task="generate")``."""
    return _renamed("Generate", "generate", None, options)


def Translate(picture: Picture | None = None, **options: Any) -> StudioWidget:  # noqa: N802
    """Deprecated; use ``Studio(task="translate")``."""
    return _renamed("Translate", "translate", picture, options)


def SuperResolve(picture: Picture | None = None, **options: Any) -> StudioWidget:  # noqa: N802
    """Deprecated; use ``Studio(task="super_resolve")``."""
    return _renamed("SuperResolve", "super_resolve", picture, options)


def Inpaint(picture: Picture | None = None, **options: Any) -> StudioWidget:  # noqa: N802
    """Deprecated; use ``Studio(task="inpaint")``."""
    return _renamed("Inpaint", "inpaint", picture, options)


def PaintFeatures(picture: Picture | None = None, **options: Any) -> StudioWidget:  # noqa: N802
    """Deprecated; use ``Studio(task="paint_features")``."""
    return _renamed("PaintFeatures", "paint_features", picture, options)


def _renamed(old: str, task: str, picture: Picture | None, options: dict[str, Any]) -> StudioWidget:
    warn_renamed(f"robust_widgets.{old}", f"robust_widgets.Studio(task={task!r})", stacklevel=2)
    return Studio(picture, task=task, **options)


@renamed_keywords(side="size", radius="epsilon", radius_warm_up="epsilon_warm_up")
def TrainingMonitor(  # noqa: N802
    data: DataSource,
    out: str | os.PathLike[str] = "model.safetensors",
    *,
    val: DataSource | None = None,
    size: int | None = None,
    init: RobustClassifier | str | None = None,
    name: str = "",
    data_name: str = "",
    device: str | None = None,
    pictures: int = 8,
    overwrite: bool = False,
    **settings: Any,
) -> TrainingMonitorWidget:
    """Train a robust classifier and watch its progress: curves, and pictures from the same seeds after each epoch.

    Training begins when Start is pressed. A stopped run continues where it stopped, even after a kernel restart: until
    the run is done there is a checkpoint next to ``out``. If the cell is run again during training, the same monitor
    comes back.

    Args:
        data, out, val, size, init, name, data_name, device: as :func:`robust_widgets.train` takes them.
        pictures: number of pictures painted after each epoch; 0 for none.
        overwrite: replace a model that ``out`` holds already, once the new one is trained. By default Start refuses to.
        **settings: as :func:`robust_widgets.train` takes them.

    Raises:
        ParameterError, UnknownNameError: a setting is out of range or unknown.
        SaveError: a model cannot be saved as ``out``.
        UnknownNameError, WeightsError, DeviceError: as :func:`robust_widgets.load_model`, for ``init``.
    """
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.models.registry import choose_device, load_model
    from robust_widgets.session.training import BUSY, LocalTraining
    from robust_widgets.training.checkpoint import checkpoint_path
    from robust_widgets.training.settings import TrainingSettings
    from robust_widgets.training.train import model_path, prepare
    from robust_widgets.widgets.training import TrainingMonitorWidget

    pictures = at_least(0, pictures=pictures)
    path = model_path(out, overwrite=True)
    chosen = choose_device(device)
    start = init if init is None or isinstance(init, RobustClassifier) else load_model(init, device="cpu")
    TrainingSettings.of(settings, init_architecture=start.card.architecture if start else None)
    known = _monitors.get(path.resolve())
    if known is not None and known.state in BUSY:
        return known
    if known is not None:
        known.close()

    def set_up(log: Callable[[str], object]) -> TrainingRun:
        resume = checkpoint_path(path).exists()
        model_path(path, overwrite=overwrite or resume)
        return prepare(
            data,
            path,
            val=val,
            size=size,
            init=start,
            log=log,
            progress=False,
            settings=settings,
            name=name,
            data_name=data_name,
            device=chosen,
            samples=pictures,
            resume=resume,
        )

    monitor = _monitors[path.resolve()] = TrainingMonitorWidget(LocalTraining(set_up), title=name or path.stem)
    return monitor


_monitors: dict[Path, TrainingMonitorWidget] = {}


# The key of a studio with all tasks. Fixed, so that new tasks don't hide paintings saved before.
ALL_TASKS = ("sketch_to_image", "generate", "translate", "super_resolve", "inpaint", "paint_features")


@dataclass
class _Place:
    """The studio of a cell, the arguments that created it, and the cell when it last asked for it."""

    studio: StudioWidget
    picture: Pixels | None
    others: tuple[object, ...]
    cell: Cell

    def made_from(self, picture: Pixels | None, others: tuple[object, ...]) -> bool:
        """Whether these arguments created the studio."""
        same_picture = picture is self.picture or (
            picture is not None and self.picture is not None and np.array_equal(picture, self.picture)
        )
        return same_picture and all(new is old or new == old for new, old in zip(others, self.others, strict=True))


_places: dict[str, _Place] = {}
_calls: dict[str, int] = {}


def open_studios() -> list[StudioWidget]:
    """The open studios of this kernel."""
    return [place.studio for place in _places.values() if not place.studio.closed]


def _browser_session(model: RobustClassifier | str | None, device: str | None, engine: BrowserEngine) -> Session:
    """A session in the browser that shows the studio, or in the kernel if somebody asks for it."""
    browser = BrowserSession(_bundled_or_loaded(model, "cpu"), engine)
    return ServerOrHere(lambda: browser, lambda: _local_session(model, device), browser.model)


def _session(model: RobustClassifier | str | None, device: str | None) -> Session:
    """A session on the class's server, if there is one and no device of this machine is named; else on this machine."""
    address = ServerAddress.from_environment()
    if address is None or device is not None or not (model is None or isinstance(model, str)):
        return _local_session(model, device)
    name: str | None = model
    try:
        return ServerOrHere(
            lambda: RemoteSession(address.url, token=address.token, model=name),
            lambda: _session_here(name),
            BundledModel(name if name in model_names() else STUDIO).info,
        )
    except UnknownNameError:  # a model of one's own, which the server does not have
        return _local_session(name, None)


def _session_here(name: str | None) -> LocalSession:
    """A local session in place of the server's.

    Raises:
        NotInstalledError: PyTorch is not installed here; better now than after the server was left for good.
    """
    importlib.util.find_spec("torch")
    return _local_session(name, None)


def _local_session(model: RobustClassifier | str | None, device: str | None) -> LocalSession:
    """A local session."""
    return LocalSession(_bundled_or_loaded(model, device))


def _bundled_or_loaded(model: RobustClassifier | str | None, device: str | None) -> RobustClassifier | BundledModel:
    """A bundled model on the CPU is loaded in the background, by its session; any other is loaded first."""
    name = STUDIO if model is None else model
    if isinstance(name, str) and name in model_names() and device in (None, "cpu"):
        return BundledModel(name, device)
    from robust_widgets.tasks.running.run import resolve_model

    return resolve_model(name, device)


def _place(tasks: tuple[str, ...], cell: Cell) -> str:
    """A key of the notebook, the cell, the studio's tasks and its number in the cell."""
    base = "\n".join([cell.key, *tasks])
    counter = f"{base}\n{cell.execution}"
    for stale in [key for key in _calls if key.rpartition("\n")[0] == base and key != counter]:
        del _calls[stale]
    _calls[counter] = _calls.get(counter, -1) + 1
    return f"{base}\n{_calls[counter]}"


def _forget_closed() -> None:
    """Let go of the studios that were closed."""
    for key in [key for key, place in _places.items() if place.studio.closed]:
        del _places[key]


def _close_replaced(result: Any = None) -> None:
    """After a cell has run: close the studios that it made earlier and neither asked for nor showed again.

    Their output is gone from the page. A studio that has a name, that another cell shows, or that was moved to a tab
    stays open.
    """
    cell = running_cell()
    if cell is None or not getattr(result, "success", True):
        return
    names: dict[str, object] = getattr(shell(), "user_ns", {})
    named = {id(value) for name, value in names.items() if not name.startswith("_")}
    for place in list(_places.values()):
        studio = place.studio
        if studio.shown_in.get(cell.key, cell.execution) != cell.execution:
            del studio.shown_in[cell.key]
        again = place.cell.key != cell.key or place.cell.execution == cell.execution
        if not (again or studio.shown_in or studio.was_detached or id(studio) in named):
            studio.close()
    _forget_closed()


def _watch_cells() -> None:
    """Have `_close_replaced` called after each cell."""
    events = getattr(shell(), "events", None)
    if events is not None and _close_replaced not in events.callbacks["post_run_cell"]:
        events.register("post_run_cell", _close_replaced)
