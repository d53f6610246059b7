"""The weights that learn, and one step of learning: attack a batch, and lower the loss on what comes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from robust_widgets.errors import ParameterError, SaveError, TrainingError, is_out_of_memory
from robust_widgets.interface.training_session import (
    TrainingEnded,
    TrainingEpoch,
    TrainingEvent,
    TrainingNote,
    TrainingPlan,
    TrainingStep,
)
from robust_widgets.models.classifier import ModelCard, RobustClassifier
from robust_widgets.models.model_file import save_model
from robust_widgets.models.networks.architectures import build
from robust_widgets.robustness.pgd import attack
from robust_widgets.training.accuracy import accuracy
from robust_widgets.training.batches import channel_statistics, epoch_order, make_batch, radius_at, steps_per_epoch
from robust_widgets.training.checkpoint import Checkpoint, first_not_finite, write_somewhere
from robust_widgets.training.data import PictureSet
from robust_widgets.training.distributed import ALONE, World
from robust_widgets.training.sample_grid import SampleGrid
from robust_widgets.training.seed_statistics import seed_statistics
from robust_widgets.training.settings import TrainingSettings, WeightAverage, decay_groups, learning_rate, side_at


class Learner:
    """A network, its optimizer and the average of its weights.

    Args:
        card: of the model to be; its architecture and classes make the network.
        settings: of the run.
        device: where it learns.
        init: a model whose weights it starts from.
        world: the processes that share each batch.

    Attributes:
        network: what learns.
        optimizer: of its parameters.
        average: the moving average of its weights, which is what is measured and shipped.
        said: sentences for the person, to be taken out by whoever tells them.

    Raises:
        ParameterError: the weights of ``init`` do not fit the architecture.
    """

    def __init__(
        self,
        card: ModelCard,
        settings: TrainingSettings,
        device: torch.device,
        init: RobustClassifier | None,
        world: World,
    ) -> None:
        self.said: list[str] = []
        self._card, self._settings, self._device, self._world = card, settings, device, world
        self.network = new_network(card, settings.seed)
        if init is not None:
            start_from(self.network, init, card)
        self._model = RobustClassifier(self.network, card).to(device)
        self.network.to(memory_format=torch.channels_last)
        self._model.requires_grad_(True)
        self.optimizer = torch.optim.SGD(
            decay_groups(self.network.parameters(), settings.weight_decay),
            lr=settings.learning_rate,
            momentum=0.9,
            nesterov=True,
        )
        self.average = WeightAverage(self.network, settings.average_decay)
        self._shared = world.share(self._model, device)
        self._precision = autocast(device, settings.precision)
        self._parts = 1

    def averaged(self) -> RobustClassifier:
        """A frozen model with the averaged weights."""
        network = new_network(self._card, self._settings.seed)
        network.load_state_dict(self.average.state())
        return RobustClassifier(network, self._card).to(self._device)

    def learn(self, pictures: Tensor, labels: Tensor, *, rate: float, radius: float, step: int) -> Tensor:
        """One step of the optimizer.

        Where memory does not hold the batch, it is computed in parts, from then on.

        Args:
            pictures: float (n, 3, h, w) in [0, 1].
            labels: int64 (n,).
            rate: the learning rate.
            radius: of the attack, in raw pixels.
            step: steps done before; decides the random starts.

        Returns:
            The mean loss against the attack, on the device.

        Raises:
            TrainingError: memory does not hold a single picture, or one of several processes ran out of it.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        seed = self._settings.seed * 1_000_003 + step + (self._world.rank << 40)
        while True:
            try:
                self.optimizer.zero_grad(set_to_none=True)
                shares = zip(pictures.chunk(self._parts), labels.chunk(self._parts), strict=True)
                losses = [
                    self._backward(part, own, len(own) / len(labels), radius, seed + (index << 50))
                    for index, (part, own) in enumerate(shares)
                ]
                self.optimizer.step()
                self.average.update(self.network)
                return torch.stack(losses).sum()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                held = len(labels) / self._parts
                if held <= 1 or self._world.size > 1:
                    raise TrainingError(
                        f"The memory of {str(self._device)!r} does not hold {held:.0f} pictures of a batch at step "
                        f"{step + 1}; give a smaller --batch-size."
                    ) from error
            # Outside the except clause, whose traceback holds on to the tensors that filled the memory.
            self._parts *= 2
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            self.said.append(
                f"Memory ran out at step {step + 1}; from now on each batch of {len(labels)} is computed in parts of "
                f"{-(-len(labels) // self._parts)} pictures, which learns the same."
            )

    def _backward(self, pictures: Tensor, labels: Tensor, share: float, radius: float, seed: int) -> Tensor:
        """Attack a part of a batch and add its gradients; returns its share of the batch's loss."""
        settings = self._settings
        with self._precision:
            self._model.eval()
            attacked = attack(
                self._model,
                pictures,
                labels,
                norm=settings.norm,
                radius=radius,
                steps=settings.inner_steps,
                seed=seed,
            )
            self._model.train()
            logits = self._shared(attacked).float()
            loss = nn.functional.cross_entropy(logits, labels, label_smoothing=settings.label_smoothing) * share
        loss.backward()
        return loss.detach()


def new_network(card: ModelCard, seed: int) -> nn.Module:
    """The network of a card, freshly initialised by a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(card.architecture, len(card.classes))


def start_from(network: nn.Module, init: RobustClassifier, card: ModelCard) -> None:
    """Copy a model's weights; its last layer only where the classes are the same.

    Raises:
        ParameterError: the weights do not fit the architecture.
    """
    weights = {name: value.detach().clone() for name, value in init.network.state_dict().items()}
    if init.classes != card.classes:
        weights = {name: value for name, value in weights.items() if not name.startswith("head.")}
    try:
        network.load_state_dict(weights, strict=init.classes == card.classes)
    except RuntimeError:
        raise ParameterError(
            f"The weights of {init.card.name!r}, a {init.card.architecture!r}, do not fit the architecture "
            f"{card.architecture!r}; leave the architecture out."
        ) from None


def autocast(device: torch.device, precision: str) -> Any:
    """The autocast context of a precision; "auto" takes bfloat16 where the device computes in it natively."""
    native = device.type == "cuda" or (device.type == "cpu" and _cpu_has_bfloat16())
    if precision == "bfloat16" or (precision == "auto" and native):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def _cpu_has_bfloat16() -> bool:
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported()) if supported is not None else False


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
        ParameterError: the weights of ``init`` do not fit the architecture.
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
                self._panel = SampleGrid(self._train_set, self._panel_size)
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
