"""``rw.train``: from a folder of pictures to a robust classifier in a file."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from tqdm.auto import tqdm

from robust_widgets.errors import SaveError
from robust_widgets.interface.training_session import TrainingEnded, TrainingEpoch, TrainingNote, TrainingStep
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.cpu_threads import limit_threads
from robust_widgets.models.registry import choose_device, load_model
from robust_widgets.training.data import DataSource, PictureSet, open_data
from robust_widgets.training.distributed import ALONE, World, joined
from robust_widgets.training.settings import TrainingSettings
from robust_widgets.training.trainer import STEPS_BETWEEN_CHECKPOINTS, TrainingRun

DEFAULT_SIDE = 64


def train(
    data: DataSource,
    out: str | os.PathLike[str],
    *,
    val: DataSource | None = None,
    side: int | None = None,
    init: RobustClassifier | str | None = None,
    name: str = "",
    data_name: str = "",
    device: str | torch.device | None = None,
    resume: bool = False,
    checkpoint_every: int = STEPS_BETWEEN_CHECKPOINTS,
    say: Callable[[str], object] = tqdm.write,
    progress: bool = True,
    **settings: Any,
) -> RobustClassifier:
    """Train a robust classifier and write it to ``out``.

    A checkpoint beside ``out`` is replaced, whole or not at all, every ``checkpoint_every`` steps, after each epoch,
    and when the run is interrupted; with ``resume`` a stopped run goes on from it and makes the same batches, shifts
    and random starts. A line of numbers an epoch is appended to ``out`` with the ending ``.log.jsonl``. Processes that
    torchrun started train one model together.

    Args:
        data: a folder with ``train`` and ``val``, each of class folders; or class folders, of which a tenth of each
            class is held out; or a tar of either; or a torch Dataset of pictures and labels.
        out: the ``.safetensors`` file to write.
        val: the validation pictures, where ``data`` does not hold them.
        side: in pixels, what the pictures are brought to; by default that of ``init``, else 64; a
            :class:`PictureSet` keeps its own.
        init: start from a model's weights: all of them if the classes are its own, else all but the last layer. The
            settings then default to ``settings.FINE_TUNING``.
        name: what the model calls itself; by default the file's stem.
        data_name: name and licence of the data, for the model card.
        device: where to train; by default the fastest device.
        resume: go on from the checkpoint beside ``out``.
        checkpoint_every: steps between checkpoints.
        say: is handed a sentence after each epoch, and whatever else the person should know.
        progress: show progress bars.
        **settings: fields of :class:`~robust_widgets.training.settings.TrainingSettings`.

    Returns:
        The averaged weights (EMA), frozen, with the class seeds.

    Raises:
        DataError: the data cannot be used; the message says why.
        ParameterError, UnknownNameError: a setting is out of range or unknown.
        TrainingError: the loss is not a number (the last good checkpoint is kept), there is nothing to resume from,
            an unfinished run is in the way, or the processes do not fit together.
        SaveError: ``out`` cannot be written, nor the folder for temporary files.
        KeyboardInterrupt: it was interrupted; the checkpoint is of the step that was reached.
    """
    path = model_path(out)
    limit_threads()
    with joined(choose_device(device)) as (world, chosen):
        quiet = not (progress and world.is_first)
        tell = say if world.is_first else str
        run = prepare(
            data,
            path,
            val=val,
            side=side,
            init=init,
            name=name,
            data_name=data_name,
            device=chosen,
            resume=resume,
            checkpoint_every=checkpoint_every,
            say=tell,
            progress=not quiet,
            world=world,
            settings=settings,
        )
        bar = tqdm(total=run.steps, initial=run.step, desc="training", unit="step", smoothing=0.02, disable=quiet)
        with bar, interruptible(world) as interrupted:
            with closing(run.events()) as events:
                for event in events:
                    match event:
                        case TrainingStep():
                            bar.update(event.step - bar.n)
                            bar.set_postfix(loss=f"{event.loss:.3f}", side=event.side, refresh=False)
                        case TrainingEpoch():
                            tell(in_words(event))
                        case TrainingNote(text) | TrainingEnded(message=text):
                            tell(text)
                        case _:
                            pass
                    if interrupted.is_set():
                        break
            for note in run.told():
                tell(getattr(note, "text", ""))
            if interrupted.is_set():
                raise KeyboardInterrupt
    assert run.model is not None, "the events were read to their end"
    return run.model


def prepare(
    data: DataSource,
    out: Path,
    *,
    val: DataSource | None = None,
    side: int | None = None,
    init: RobustClassifier | str | None = None,
    say: Callable[[str], object] = print,
    progress: bool = True,
    settings: dict[str, Any],
    **options: Any,
) -> TrainingRun:
    """Check the settings, read the data and set a run up; arguments and errors as for :func:`train`."""
    start = load_model(init, device="cpu") if isinstance(init, str) else init
    checked = TrainingSettings.of(settings, start=start.card.architecture if start else None)
    known = data.side if isinstance(data, PictureSet) else start.input_size if start else DEFAULT_SIDE
    train_set, val_set = open_data(data, side or known, val=val, seed=checked.seed, say=say, progress=progress)
    return TrainingRun(train_set, val_set, out, checked, init=start, **options)


def model_path(out: str | os.PathLike[str]) -> Path:
    """The file a model is to be written to, its folder made.

    Raises:
        SaveError: it does not end in ``.safetensors``, or the folder cannot be made.
    """
    path = Path(out)
    if path.suffix != ".safetensors" or path.is_dir():
        raise SaveError(f"{str(path)!r} cannot hold a model; give a file that ends in '.safetensors'.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(
            f"The folder of {str(path)!r} cannot be made ({error.strerror}); choose another place."
        ) from None
    return path


def in_words(epoch: TrainingEpoch) -> str:
    """An epoch in a sentence."""
    shares = ", ".join(f"{name} {share:.1%}" for name, share in epoch.accuracies.items())
    return f"epoch {epoch.epoch} of {epoch.epochs}: loss {epoch.loss:.3f}, {shares}, {epoch.seconds:.0f} s"


@contextmanager
def interruptible(world: World = ALONE) -> Generator[threading.Event]:
    """Let Ctrl-C and a termination ask for a stop after the step going on; a second one interrupts at once.

    Several processes are interrupted at once, because one that stops alone would leave the others waiting for it.
    """
    asked = threading.Event()
    if world.size > 1 or threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
