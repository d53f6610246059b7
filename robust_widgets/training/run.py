"""A training run, a step at a time: min over weights of the expected worst loss in a ball (paper, section 2)."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import torch
from torch import Tensor

from robust_widgets.errors import SaveError, TrainingError
from robust_widgets.learning import (
    TrainingEnded,
    TrainingEpoch,
    TrainingEvent,
    TrainingNote,
    TrainingPlan,
    TrainingStep,
)
from robust_widgets.models.checkpoints import save_model
from robust_widgets.models.classifier import ModelCard, RobustClassifier
from robust_widgets.training.batches import channel_statistics, epoch_order, make_batch, radius_at, steps_per_epoch
from robust_widgets.training.checkpoint import Checkpoint, first_not_finite, write_somewhere
from robust_widgets.training.data import PictureSet
from robust_widgets.training.evaluate import accuracy
from robust_widgets.training.learner import Learner
from robust_widgets.training.panel import SeedPanel
from robust_widgets.training.schedule import learning_rate, side_at
from robust_widgets.training.seed_statistics import seed_statistics
from robust_widgets.training.settings import TrainingSettings
from robust_widgets.training.world import ALONE, World

STEPS_BETWEEN_CHECKPOINTS = 100
STEPS_BETWEEN_CHECKS = 20
VALIDATION_PICTURES = 540


class TrainingRun:
    """Trains a robust classifier and writes it to a file; whoever reads its :meth:`events` sets its pace.

    Args:
        train_set, val_set: pictures in memory, of one side.
        out: the ``.safetensors`` file to write.
        settings: everything that decides the run.
        name: what the model calls itself; by default the file's stem.
        data_name: name and licence of the data, for the model card.
        device: where to train.
        resume: go on from the checkpoint beside ``out``.
        init: start from this model's weights: all of them if its classes are those of ``train_set``, all but the last
            layer if they are not. Its normalisation is kept.
        world: the processes that share the batches, and which one this is.
        panel: how many seed pictures are painted after each epoch.
        checkpoint_every: steps between checkpoints; one is written after each epoch too.

    Attributes:
        steps, step: of the whole run, and done so far.
        model: the trained model, once there is one.

    Raises:
        KnobError: the weights of ``init`` do not fit the architecture.
        TrainingError: there is no checkpoint to resume from, or it is of other settings or data; or one is in the way
            of a new run; or the batch does not divide over the processes.
    """

    def __init__(
        self,
        train_set: PictureSet,
        val_set: PictureSet,
        out: Path,
        settings: TrainingSettings,
        *,
        name: str = "",
        data_name: str = "",
        device: torch.device | str = "cpu",
        resume: bool = False,
        init: RobustClassifier | None = None,
        world: World = ALONE,
        panel: int = 0,
        checkpoint_every: int = STEPS_BETWEEN_CHECKPOINTS,
    ) -> None:
        self.out, self.settings, self.world = out, settings, world
        self.model: RobustClassifier | None = None
        self._train_set, self._val_set = train_set, val_set
        self._device = torch.device(device)
        self._rows = world.rows(settings.batch_size)
        self._checkpoint_every = checkpoint_every
        mean, std = (init.card.mean, init.card.std) if init is not None else channel_statistics(train_set.pictures)
        self.card = ModelCard(
            name=name or out.stem,
            architecture=settings.architecture,
            classes=train_set.classes,
            input_size=train_set.side,
            mean=mean,
            std=std,
            norm=settings.norm if settings.radius > 0 else "",
            radius=settings.radius,
            data=data_name,
            training=settings.to_dict(),
        )
        self._learner = Learner(self.card, settings, self._device, init, world)
        self._steps_per_epoch = steps_per_epoch(train_set, settings)
        self.steps = settings.epochs * self._steps_per_epoch
        data = {"classes": list(train_set.classes), "pictures": len(train_set), "side": train_set.side}
        data |= {"mean": list(mean), "std": list(std)}
        learner = self._learner
        self._checkpoint = Checkpoint(out, settings, data, learner.network, learner.optimizer, learner.average)
        if not resume and self._checkpoint.path.exists():
            raise TrainingError(
                f"The checkpoint of an unfinished run, {str(self._checkpoint.path)!r}, is in the way; "
                "go on from it with --resume (resume=True), or delete it to start anew."
            )
        self.step = self._checkpoint.load() if resume else 0
        self._panel_size, self._panel = panel, None
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))
        self._running: Tensor | None = None
        self._first_bad = torch.full((), -1, dtype=torch.long, device=self._device)
        self._notes: list[TrainingEvent] = []

    @property
    def plan(self) -> TrainingPlan:
        """What is known before the first step."""
        settings = self.settings
        kind = f"{settings.norm} {settings.radius:g}" if settings.radius else "without an attack"
        return TrainingPlan(
            self.card.name,
            self.card.classes,
            len(self._train_set),
            settings.epochs,
            self.steps,
            self.step,
            f"{settings.architecture}, {kind}",
            str(self.out),
        )

    def events(self) -> Generator[TrainingEvent | None]:
        """Train to the end; yields what happened after each step, None for a step with nothing to tell.

        Closing the iterator writes a checkpoint of the step that was reached; called again, it goes on from there.

        Raises:
            TrainingError: the loss is not a number, or a single picture does not fit into memory; the last checkpoint
                is kept.
            SaveError: the model cannot be written, not even to the folder for temporary files.
        """
        began = time.perf_counter()
        try:
            yield self.plan
            if self._panel_size and self._panel is None and self.world.is_first:
                self._panel = SeedPanel(self._train_set, self._panel_size)
            while self.step < self.steps:
                rate, side = self._advance()
                yield from self._report(rate, side, time.perf_counter() - began)
        except GeneratorExit:
            self._keep()
            raise
        self.model = self._learner.averaged()
        self.model.seeds = seed_statistics(self._train_set, rank=self.settings.seed_rank, progress=False)
        if self.world.is_first:
            yield TrainingEnded("done", self._write(self.model))

    def _advance(self) -> tuple[float, int]:
        """One step of the optimizer; returns its learning rate and the side of its pictures."""
        settings, step = self.settings, self.step
        epoch = step // self._steps_per_epoch
        side = side_at(epoch, settings.epochs, self._train_set.side, settings.progressive)
        if self._order[0] != epoch:
            self._order = (epoch, epoch_order(self._train_set, settings, epoch))
        pictures, labels = make_batch(self._train_set, self._order[1], settings, step, side, self._device, self._rows)
        warm_up = min(self._steps_per_epoch, self.steps // 5)
        rate = learning_rate(step, self.steps, settings.learning_rate, warm_up)
        radius = radius_at(settings, side, self._train_set.side, step / self._steps_per_epoch)
        loss = self._learner.learn(pictures, labels, rate=rate, radius=radius, step=step)
        self._running = loss if self._running is None else self._running.lerp(loss, 0.02)
        bad = (self._first_bad < 0) & ~torch.isfinite(loss)
        self._first_bad = torch.where(bad, step + 1, self._first_bad)
        self.step += 1
        return rate, side

    def _report(self, rate: float, side: int, seconds: float) -> Iterator[TrainingEvent | None]:
        """What there is to tell and to keep after a step."""
        epoch, within = divmod(self.step - 1, self._steps_per_epoch)
        ended = within == self._steps_per_epoch - 1
        checkpoint_due = ended or self.step % self._checkpoint_every == 0
        loss: float | None = None
        # On a GPU reading the loss waits for it, so it is read seldom.
        if checkpoint_due or self._device.type == "cpu" or self.step % STEPS_BETWEEN_CHECKS == 0:
            assert self._running is not None
            loss = float(self.world.mean(self._running))
        if checkpoint_due or self.step % STEPS_BETWEEN_CHECKS == 0:
            self._require_finite()
        if checkpoint_due and self.world.is_first:
            self._save()
        yield from self.told()
        if loss is None:
            yield None
            return
        yield TrainingStep(self.step, self.steps, epoch + 1, loss, rate, side, seconds)
        if ended and self.world.is_first:
            yield self._measure(epoch + 1, side, loss, seconds)
            yield from self.told()

    def _measure(self, epoch: int, side: int, loss: float, seconds: float) -> TrainingEpoch:
        """Accuracy of the averaged weights, clean and under 5 PGD steps, and the panel they paint; a line is kept."""
        model = self._learner.averaged()
        settings = self.settings
        found = accuracy(
            model,
            self._val_set,
            norm=settings.norm,
            radius=settings.radius,
            steps=5,
            limit=VALIDATION_PICTURES,
            progress=False,
        )
        row = {"epoch": epoch, "side": side, "loss": round(loss, 4), **found, "seconds": round(seconds, 1)}
        try:
            with log_path(self.out).open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            self._notes.append(TrainingNote(f"The line of epoch {epoch} could not be kept ({error.strerror})."))
        painted = self._panel.paint(model) if self._panel else None
        names = self._panel.names if self._panel else ()
        return TrainingEpoch(epoch, settings.epochs, self.step, loss, found, painted, names, seconds)

    def _require_finite(self) -> None:
        """Stop before a diverged run replaces a good checkpoint."""
        first_bad = int(self._first_bad)
        weights = first_not_finite(self._learner.network.state_dict())
        if first_bad < 0 and weights is None:
            return
        what = f"The loss is not a number since step {first_bad}" if first_bad >= 0 else f"{weights!r} is not finite"
        remedy = f"lower the learning rate (--learning-rate, now {self.settings.learning_rate:g}) or the radius"
        if self._checkpoint.path.exists():
            remedy += f", and go on with --resume from the last good weights, {str(self._checkpoint.path)!r}"
        raise TrainingError(f"{what}, noticed at step {self.step}; {remedy}.")

    def _save(self) -> None:
        try:
            self._checkpoint.save(self.step)
        except SaveError as error:
            self._notes.append(
                TrainingNote(f"No checkpoint at step {self.step}, the one before is kept and training goes on. {error}")
            )

    def _keep(self) -> None:
        """A checkpoint on leaving, somewhere at least, if what was learned is sound."""
        sound = int(self._first_bad) < 0 and first_not_finite(self._learner.network.state_dict()) is None
        if self.world.is_first and sound and self.step > 0:
            path = write_somewhere(self._checkpoint.path, lambda path: self._checkpoint.save(self.step, path))
            if path != self._checkpoint.path:
                self._notes.append(
                    TrainingNote(f"The checkpoint could not be written in its place; it is {str(path)!r}.")
                )

    def _write(self, model: RobustClassifier) -> str:
        """Write the model; returns a sentence that says where it is."""
        path = write_somewhere(self.out, lambda path: save_model(model, path))
        if path != self.out:
            return f"{str(self.out)!r} could not be written; the model is in {str(path)!r}."
        self._checkpoint.path.unlink(missing_ok=True)
        return f"Wrote {str(self.out)!r}."

    def told(self) -> Iterator[TrainingEvent]:
        """Notes not yet told; after :meth:`events` was closed, what happened then."""
        self._notes += [TrainingNote(text) for text in self._learner.said]
        self._learner.said.clear()
        while self._notes:
            yield self._notes.pop(0)


def log_path(out: Path) -> Path:
    """Where a line of numbers an epoch is kept."""
    return out.with_suffix(".log.jsonl")
