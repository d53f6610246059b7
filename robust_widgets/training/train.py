"""``rw.train``: train a robust classifier from a folder of pictures, and save it."""

from __future__ import annotations

import os
import signal
import threading
import zlib
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, cast

import torch
from tqdm.auto import tqdm

from robust_widgets._deprecated import renamed_keywords
from robust_widgets._files import check_output, make_folder
from robust_widgets.errors import LONGEST_SHOWN, SaveError
from robust_widgets.interface.training_session import TrainingEnded, TrainingEpoch, TrainingNote, TrainingStep
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import choose_device, limit_threads, load_model
from robust_widgets.pictures.files import as_path
from robust_widgets.pictures.tensors import plain_torch
from robust_widgets.training.data import DataSource, PictureSet, open_data
from robust_widgets.training.distributed import SINGLE_PROCESS, ProcessGroup, join_process_group
from robust_widgets.training.settings import TrainingSettings
from robust_widgets.training.trainer import STEPS_BETWEEN_CHECKPOINTS, TrainingRun

DEFAULT_SIZE = 64


@renamed_keywords(side="size", radius="epsilon", radius_warm_up="epsilon_warm_up", say="log")
@plain_torch()
@torch.enable_grad()
def train(
    data: DataSource,
    out: str | os.PathLike[str],
    *,
    val: DataSource | None = None,
    size: int | None = None,
    init: RobustClassifier | str | None = None,
    name: str = "",
    data_name: str = "",
    device: str | torch.device | None = None,
    resume: bool = False,
    overwrite: bool = False,
    checkpoint_every: int = STEPS_BETWEEN_CHECKPOINTS,
    log: Callable[[str], object] = tqdm.write,
    progress: bool = True,
    **settings: Any,
) -> RobustClassifier:
    """Train a robust classifier and write it to ``out``.

    A checkpoint next to ``out`` is replaced atomically every ``checkpoint_every`` steps, after each epoch, and when
    training is interrupted. With ``resume`` training continues from it, with the same batches, augmentation and random
    starts. After each epoch a line of metrics is appended to ``out`` with the suffix ``.log.jsonl``. Processes started
    by torchrun train one model together.

    Args:
        data: a folder with ``train`` and ``val``, each holding class folders; a folder of class folders, of which a
            tenth of each class is held out; a tar of either; or a torch Dataset of pictures and labels.
        out: the ``.safetensors`` file to write.
        val: the validation pictures, if ``data`` does not contain them.
        size: width and height in pixels to which pictures are resized; by default those of ``init``, or 64. A
            :class:`PictureSet` keeps its own.
        init: start from this model's weights, without the last layer if its classes differ from the data's. The
            defaults are then 8 epochs of batches of 64 at learning rate 0.05, not progressive.
        name: of the model; by default the file's stem.
        data_name: name and licence of the data, for the model card.
        device: where to train; by default the fastest device.
        resume: continue from the checkpoint next to ``out``.
        overwrite: replace a model that ``out`` holds already, once the new one is trained.
        checkpoint_every: steps between checkpoints.
        log: called with a sentence after each epoch, and with other notes for the user.
        progress: show progress bars.
        **settings: fields of :class:`~robust_widgets.training.settings.TrainingSettings`.

    Returns:
        A frozen model with the averaged weights (EMA) and class seeds.

    Raises:
        DataError: the data cannot be used for training.
        ParameterError, UnknownNameError: a setting is out of range or unknown.
        TrainingError: the loss is not a number (the last good checkpoint is kept), there is nothing to resume from,
            an unfinished run would be overwritten, or torchrun's processes are inconsistent.
        SaveError: ``out`` holds a model already, or neither it nor the folder for temporary files can be written.
        KeyboardInterrupt: training was interrupted, after saving a checkpoint.
    """
    path = model_path(out, overwrite=overwrite or resume)
    limit_threads()
    with join_process_group(choose_device(device)) as (group, chosen):
        show_progress = progress and group.is_first
        log = log if group.is_first else str
        run = prepare(
            data,
            path,
            val=val,
            size=size,
            init=init,
            name=name,
            data_name=data_name,
            device=chosen,
            resume=resume,
            checkpoint_every=checkpoint_every,
            log=log,
            progress=show_progress,
            group=group,
            settings=settings,
        )
        bar = tqdm(
            total=run.steps, initial=run.step, desc="training", unit="step", smoothing=0.02, disable=not show_progress
        )
        with bar, interruptible(group) as interrupted:
            with closing(run.events()) as events:
                for event in events:
                    match event:
                        case TrainingStep():
                            bar.update(event.step - bar.n)
                            bar.set_postfix(loss=f"{event.loss:.3f}", size=event.side, refresh=False)
                        case TrainingEpoch():
                            log(summary(event))
                        case TrainingNote(text) | TrainingEnded(message=text):
                            log(text)
                        case _:
                            pass
                    if interrupted.is_set():
                        break
            for note in run.take_notes():
                log(getattr(note, "text", ""))
            if interrupted.is_set():
                raise KeyboardInterrupt
    assert run.model is not None, "all events were read"
    return run.model


def prepare(
    data: DataSource,
    out: Path,
    *,
    val: DataSource | None = None,
    size: int | None = None,
    init: RobustClassifier | str | None = None,
    log: Callable[[str], object] = print,
    progress: bool = True,
    group: ProcessGroup = SINGLE_PROCESS,
    settings: dict[str, Any],
    **options: Any,
) -> TrainingRun:
    """Check the settings, read the data and set up a run; arguments and errors as for :func:`train`."""
    with group.together():
        start = init if init is None or isinstance(init, RobustClassifier) else load_model(init, device="cpu")
        checked = TrainingSettings.of(settings, init_architecture=start.card.architecture if start else None)
        first = data[0] if isinstance(data, tuple) and data else data
        default_size = first.size if isinstance(first, PictureSet) else start.input_size if start else DEFAULT_SIZE
        train_set, val_set = open_data(
            data, default_size if size is None else size, val=val, seed=checked.seed, log=log, progress=progress
        )
    if group.world_size > 1:
        group.check_same("data", f"{_in_words(train_set)} to train on and {_in_words(val_set)} to validate on")
    return TrainingRun(train_set, val_set, out, checked, init=start, group=group, **options)


def _in_words(pictures: PictureSet) -> str:
    classes = ", ".join(pictures.classes)
    named = classes if len(classes) <= LONGEST_SHOWN else f"{len(pictures.classes)} classes"
    # The sums tell pictures of other content, or in another order.
    values, labels = cast(Any, pictures.pictures.numpy()), cast(Any, pictures.labels.numpy())
    mark = zlib.crc32(values, zlib.crc32(labels))
    return f"{len(pictures):,} pictures of {named} (checksum {mark:08x})"


def model_path(out: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """The file that a model will be written to; creates its folder.

    Args:
        out: the file.
        overwrite: whether a model that it holds already may be replaced.

    Raises:
        SaveError: it does not end in ``.safetensors``, holds a model, or its folder cannot be created.
    """
    path = as_path(out)
    if path.suffix != ".safetensors" or path.is_dir():
        raise SaveError(f"{str(path)!r} cannot hold a model; give a file that ends in '.safetensors'.")
    check_output(path, overwrite=overwrite)
    make_folder(path.parent)
    return path


def summary(epoch: TrainingEpoch) -> str:
    """One line about an epoch."""
    accuracies = ", ".join(f"{name} {accuracy:.1%}" for name, accuracy in epoch.accuracies.items())
    return f"epoch {epoch.epoch} of {epoch.epochs}: loss {epoch.loss:.3f}, {accuracies}, {epoch.seconds:.0f} s"


@contextmanager
def interruptible(group: ProcessGroup = SINGLE_PROCESS) -> Generator[threading.Event]:
    """Turn the first SIGINT or SIGTERM into an event, so that training stops after the current step.

    A second signal interrupts at once. In a group of processes so does the first: one that stops alone would leave the
    others waiting for it.
    """
    requested = threading.Event()
    if group.world_size > 1 or threading.current_thread() is not threading.main_thread():
        yield requested
        return

    def request(number: int, frame: FrameType | None) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()

    previous = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
