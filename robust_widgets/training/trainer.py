"""Adversarial training: attack each batch, then lower the loss on the adversarial pictures."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from robust_widgets._files import free_path
from robust_widgets._files.locks import LinesFile
from robust_widgets.errors import ParameterError, SaveError, TrainingError, at_least, is_out_of_memory
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
from robust_widgets.robustness.pgd import pgd
from robust_widgets.training.accuracy import accuracy
from robust_widgets.training.batches import channel_statistics, epoch_order, epsilon_at, make_batch, steps_per_epoch
from robust_widgets.training.checkpoint import Checkpoint, alone, first_not_finite, write_somewhere
from robust_widgets.training.data import PictureSet
from robust_widgets.training.distributed import SINGLE_PROCESS, ProcessGroup
from robust_widgets.training.sample_grid import SampleGrid
from robust_widgets.training.seed_statistics import seed_statistics
from robust_widgets.training.settings import TrainingSettings, WeightAverage, decay_groups, learning_rate, size_at


class Learner:
    """A network with its optimizer and the moving average of its weights.

    Args:
        card: of the new model; its architecture and classes define the network.
        settings: of the run.
        device: where to train.
        init: a model whose weights it starts from.
        group: the processes that share each batch.

    Attributes:
        network: the network in training.
        optimizer: of its parameters.
        average: moving average of its weights; this is what is measured and saved.
        messages: sentences for the user; the reader removes them.

    Raises:
        ParameterError: the weights of ``init`` do not fit the architecture.
    """

    def __init__(
        self,
        card: ModelCard,
        settings: TrainingSettings,
        device: torch.device,
        init: RobustClassifier | None,
        group: ProcessGroup,
    ) -> None:
        self.messages: list[str] = []
        self._card, self._settings, self._device, self._group = card, settings, device, group
        self.network = new_network(card, settings.seed)
        if init is not None:
            copy_weights(init, self.network, card)
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
        self._wrapped = group.wrap(self._model, device)
        self._precision = autocast(device, settings.precision)
        self._chunks = 1

    def averaged_model(self) -> RobustClassifier:
        """A frozen model with the averaged weights."""
        network = new_network(self._card, self._settings.seed)
        network.load_state_dict(self.average.state())
        return RobustClassifier(network, self._card).to(self._device)

    def train_step(
        self, pictures: Tensor, labels: Tensor, *, learning_rate: float, epsilon: float, step: int
    ) -> Tensor:
        """One step of the optimizer. If memory runs out, this and all later batches are computed in chunks.

        Args:
            pictures: float (n, 3, h, w) in [0, 1].
            labels: int64 (n,).
            learning_rate: of this step.
            epsilon: of the attack, in raw pixels.
            step: steps done before; seeds the random starts.

        Returns:
            The mean adversarial loss, on the device.

        Raises:
            TrainingError: not even a single picture fits into memory, or one of several processes ran out of it.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        seed = self._settings.seed * 1_000_003 + step + (self._group.rank << 40)
        while True:
            try:
                self.optimizer.zero_grad(set_to_none=True)
                chunks = zip(pictures.chunk(self._chunks), labels.chunk(self._chunks), strict=True)
                losses = [
                    self._backward(chunk, targets, len(targets) / len(labels), epsilon, seed + (index << 50))
                    for index, (chunk, targets) in enumerate(chunks)
                ]
                self.optimizer.step()
                self.average.update(self.network)
                return torch.stack(losses).sum()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                chunk_size = len(labels) / self._chunks
                if chunk_size <= 1 or self._group.world_size > 1:
                    raise TrainingError(
                        f"A batch of {chunk_size:.0f} pictures does not fit into the memory of {str(self._device)!r} "
                        f"at step {step + 1}; give a smaller --batch-size."
                    ) from error
            # Outside the except clause, whose traceback keeps the tensors alive.
            self._chunks *= 2
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            self.messages.append(
                f"Memory ran out at step {step + 1}; from now on each batch of {len(labels)} is computed in chunks of "
                f"{-(-len(labels) // self._chunks)} pictures, with the same result."
            )

    def _backward(self, pictures: Tensor, labels: Tensor, share: float, epsilon: float, seed: int) -> Tensor:
        """Attack a chunk of a batch and accumulate its gradients; returns its share of the batch's loss."""
        settings = self._settings
        with self._precision:
            self._model.eval()
            adversarial = pgd(
                self._model,
                pictures,
                labels,
                norm=settings.norm,
                epsilon=epsilon,
                steps=settings.inner_steps,
                seed=seed,
            )
            self._model.train()
            logits = self._wrapped(adversarial).float()
            loss = nn.functional.cross_entropy(logits, labels, label_smoothing=settings.label_smoothing) * share
        loss.backward()
        return loss.detach()


def new_network(card: ModelCard, seed: int) -> nn.Module:
    """The network of a card, initialised from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(card.architecture, len(card.classes))


def copy_weights(init: RobustClassifier, network: nn.Module, card: ModelCard) -> None:
    """Copy a model's weights into a network; the last layer only if the classes are the same.

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
            f"{card.architecture!r}; omit the architecture."
        ) from None


def autocast(device: torch.device, precision: str) -> Any:
    """The autocast context of a precision; "auto" means bfloat16 if the device supports it natively."""
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
    """Trains a robust classifier and writes it to a file, one step for each of its :meth:`events`.

    Args:
        train_set, val_set: pictures in memory, all of one size.
        out: the ``.safetensors`` file to write.
        settings: everything else that determines the run.
        name: of the model; by default the file's stem.
        data_name: name and licence of the data, for the model card.
        device: where to train.
        resume: continue from the checkpoint next to ``out``.
        init: start from this model's weights and normalisation; without the last layer if its classes differ from those
            of ``train_set``.
        group: the processes that share the batches, and which one this is.
        samples: number of seed pictures painted after each epoch.
        checkpoint_every: steps between checkpoints; there is also one after each epoch.

    Attributes:
        steps, step: of the whole run; done so far.
        model: the trained model, once training is done.

    Raises:
        ParameterError: the weights of ``init`` do not fit the architecture.
        TrainingError: there is no checkpoint to resume from, it belongs to other settings or data, an unfinished run's
            checkpoint would be overwritten, or the batch does not divide over the processes.
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
        group: ProcessGroup = SINGLE_PROCESS,
        samples: int = 0,
        checkpoint_every: int = STEPS_BETWEEN_CHECKPOINTS,
    ) -> None:
        self.out, self.settings, self.group = out, settings, group
        self._replaces = out.exists()
        self.model: RobustClassifier | None = None
        self._train_set, self._val_set = train_set, val_set
        self._device = torch.device(device)
        self._rows = group.rows(settings.batch_size)
        self._checkpoint_every = at_least(1, checkpoint_every=checkpoint_every)
        mean, std = (init.card.mean, init.card.std) if init is not None else channel_statistics(train_set.pictures)
        self.card = ModelCard(
            name=name or out.stem,
            architecture=settings.architecture,
            classes=train_set.classes,
            input_size=train_set.size,
            mean=mean,
            std=std,
            norm=settings.norm if settings.epsilon > 0 else "",
            radius=settings.epsilon,
            data=data_name,
            training=settings.to_dict(),
        )
        self._learner = Learner(self.card, settings, self._device, init, group)
        self._steps_per_epoch = steps_per_epoch(train_set, settings)
        self.steps = settings.epochs * self._steps_per_epoch
        data = {"classes": list(train_set.classes), "pictures": len(train_set), "side": train_set.size}
        data |= {"mean": list(mean), "std": list(std)}
        learner = self._learner
        self._checkpoint = Checkpoint(out, settings, data, learner.network, learner.optimizer, learner.average)
        if not resume and self._checkpoint.path.exists():
            raise TrainingError(
                f"The checkpoint of an unfinished run, {str(self._checkpoint.path)!r}, would be overwritten; "
                "continue it with --resume (resume=True), or delete the checkpoint to start again."
            )
        self.step = self._checkpoint.load() if resume else 0
        self._sample_count, self._sample_grid = samples, None
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))
        loss = self._checkpoint.loss
        self._running_loss = None if loss is None else torch.tensor(loss, device=self._device)
        self._first_bad = torch.full((), -1, dtype=torch.long, device=self._device)
        self._notes: list[TrainingEvent] = []
        if not resume and group.is_first:
            self._keep_earlier_log()

    @property
    def plan(self) -> TrainingPlan:
        """The run as known before its first step."""
        settings = self.settings
        attack = f"{settings.norm} {settings.epsilon:g}" if settings.epsilon else "without an attack"
        return TrainingPlan(
            self.card.name,
            self.card.classes,
            len(self._train_set),
            settings.epochs,
            self.steps,
            self.step,
            f"{settings.architecture}, {attack}",
            str(self.out),
        )

    def events(self) -> Generator[TrainingEvent | None]:
        """Train to the end; yields an event after each step, or None if there is nothing to report.

        Closing the iterator writes a checkpoint; calling this again continues from there.

        Raises:
            TrainingError: the loss is not a number, not even a single picture fits into memory, or another process is
                training into the same file; the last checkpoint is kept.
            SaveError: the model cannot be written, not even to the folder for temporary files.
        """
        with alone(self.out, log_path(self.out)) if self.group.is_first else nullcontext():
            yield from self._events()

    def _events(self) -> Generator[TrainingEvent | None]:
        start_time = time.perf_counter()
        try:
            yield self.plan
            if self._sample_count and self._sample_grid is None and self.group.is_first:
                self._sample_grid = SampleGrid(self._train_set, self._sample_count)
            yield from self._measure_again()
            while self.step < self.steps:
                rate, size = self._train_step()
                yield from self._report(rate, size, time.perf_counter() - start_time)
        except GeneratorExit:
            self._save_on_exit()
            raise
        self.model = self._learner.averaged_model()
        self.model.seeds = seed_statistics(self._train_set, rank=self.settings.seed_rank, progress=False)
        if self.group.is_first:
            yield TrainingEnded("done", self._write(self.model))

    def _train_step(self) -> tuple[float, int]:
        """One step of the optimizer; returns its learning rate and the size of its pictures."""
        settings, step = self.settings, self.step
        epoch = step // self._steps_per_epoch
        size = size_at(epoch, settings.epochs, self._train_set.size, settings.progressive)
        if self._order[0] != epoch:
            self._order = (epoch, epoch_order(self._train_set, settings, epoch))
        pictures, labels = make_batch(self._train_set, self._order[1], settings, step, size, self._device, self._rows)
        warm_up = min(self._steps_per_epoch, self.steps // 5)
        rate = learning_rate(step, self.steps, settings.learning_rate, warm_up)
        epsilon = epsilon_at(settings, size, self._train_set.size, step / self._steps_per_epoch)
        loss = self._learner.train_step(pictures, labels, learning_rate=rate, epsilon=epsilon, step=step)
        self._running_loss = loss if self._running_loss is None else self._running_loss.lerp(loss, 0.02)
        bad = (self._first_bad < 0) & ~torch.isfinite(loss)
        self._first_bad = torch.where(bad, step + 1, self._first_bad)
        self.step += 1
        return rate, size

    def _report(self, rate: float, size: int, seconds: float) -> Iterator[TrainingEvent | None]:
        """Events and checkpoints after a step."""
        epoch, within = divmod(self.step - 1, self._steps_per_epoch)
        epoch_ended = within == self._steps_per_epoch - 1
        checkpoint_due = epoch_ended or self.step % self._checkpoint_every == 0
        loss: float | None = None
        # Reading the loss synchronises with a GPU, so do it rarely.
        if checkpoint_due or self._device.type == "cpu" or self.step % STEPS_BETWEEN_CHECKS == 0:
            assert self._running_loss is not None
            loss = float(self.group.mean(self._running_loss))
        if checkpoint_due or self.step % STEPS_BETWEEN_CHECKS == 0:
            self._require_finite()
        if checkpoint_due and self.group.is_first:
            self._save()
        yield from self.take_notes()
        if loss is None:
            yield None
            return
        yield TrainingStep(self.step, self.steps, epoch + 1, loss, rate, size, seconds)
        if epoch_ended and self.group.is_first:
            yield self._measure(epoch + 1, size, loss, seconds)
            yield from self.take_notes()

    def _measure(self, epoch: int, size: int, loss: float, seconds: float) -> TrainingEpoch:
        """Clean and PGD accuracy of the averaged weights, and the samples they paint; also appended to the log."""
        model = self._learner.averaged_model()
        settings = self.settings
        accuracies = accuracy(
            model,
            self._val_set,
            norm=settings.norm,
            epsilon=settings.epsilon,
            steps=5,
            limit=VALIDATION_PICTURES,
            progress=False,
        )
        row = {"epoch": epoch, "side": size, "loss": round(loss, 4), **accuracies, "seconds": round(seconds, 1)}
        try:
            with log_path(self.out).open("a+b", buffering=0) as file:
                LinesFile(file).append(json.dumps(row))
        except OSError as error:
            self._notes.append(TrainingNote(f"The log line of epoch {epoch} could not be written ({error.strerror})."))
        samples = self._sample_grid.paint(model) if self._sample_grid else None
        names = self._sample_grid.names if self._sample_grid else ()
        return TrainingEpoch(epoch, settings.epochs, self.step, loss, accuracies, samples, names, seconds)

    def _measure_again(self) -> Iterator[TrainingEvent]:
        """Measure the last epoch if the run was killed after its checkpoint and before its line in the log."""
        epoch, within = divmod(self.step, self._steps_per_epoch)
        if not self.group.is_first or not epoch or within or self._running_loss is None:
            return
        if epoch not in logged_epochs(self.out):
            size = size_at(epoch - 1, self.settings.epochs, self._train_set.size, self.settings.progressive)
            yield self._measure(epoch, size, float(self._running_loss), 0.0)

    def _keep_earlier_log(self) -> None:
        """Rename the log of an earlier run, which this one would continue."""
        log = log_path(self.out)
        with suppress(OSError):
            if log.exists() and log.stat().st_size:
                with alone(self.out, log):
                    pass
                renamed = log.rename(free_path(log))
                self._notes.append(TrainingNote(f"The log of an earlier run is now {str(renamed)!r}."))

    def _require_finite(self) -> None:
        """Stop a diverged run before it replaces a good checkpoint."""
        first_bad = int(self._first_bad)
        weights = first_not_finite(self._learner.network.state_dict())
        if first_bad < 0 and weights is None:
            return
        problem = f"The loss is not a number since step {first_bad}" if first_bad >= 0 else f"{weights!r} is not finite"
        remedy = f"lower the learning rate (--learning-rate, now {self.settings.learning_rate:g}) or epsilon"
        if self._checkpoint.path.exists():
            remedy += f", and continue with --resume from the last good weights, {str(self._checkpoint.path)!r}"
        raise TrainingError(f"{problem}, detected at step {self.step}; {remedy}.")

    def _save(self) -> None:
        self._note_loss()
        try:
            self._checkpoint.save(self.step)
        except SaveError as error:
            self._notes.append(
                TrainingNote(
                    f"No checkpoint was written at step {self.step}; training continues, and the previous one is kept. "
                    f"{error}"
                )
            )

    def _note_loss(self) -> None:
        self._checkpoint.loss = None if self._running_loss is None else float(self._running_loss)

    def _save_on_exit(self) -> None:
        """Save a checkpoint, in the folder for temporary files if need be, unless the run has diverged."""
        finite = int(self._first_bad) < 0 and first_not_finite(self._learner.network.state_dict()) is None
        if self.group.is_first and finite and self.step > 0:
            self._note_loss()
            path = write_somewhere(self._checkpoint.path, lambda path: self._checkpoint.save(self.step, path))
            if path != self._checkpoint.path:
                self._notes.append(
                    TrainingNote(f"The checkpoint could not be written to its usual place; it is in {str(path)!r}.")
                )

    def _write(self, model: RobustClassifier) -> str:
        """Write the model; returns a sentence that says where."""
        out = self.out if self._replaces else free_path(self.out)  # another process may have written its model
        path = write_somewhere(out, lambda path: save_model(model, path))
        if path != out:
            return f"{str(self.out)!r} could not be written; the model is in {str(path)!r}."
        self._checkpoint.path.unlink(missing_ok=True)
        return f"Wrote {str(out)!r}." if out == self.out else f"Wrote {str(out)!r}, because {str(self.out)!r} exists."

    def take_notes(self) -> Iterator[TrainingEvent]:
        """Notes that :meth:`events` has not yielded yet, such as those on closing it."""
        self._notes += [TrainingNote(text) for text in self._learner.messages]
        self._learner.messages.clear()
        while self._notes:
            yield self._notes.pop(0)


def log_path(out: Path) -> Path:
    """The log file, one JSON line per epoch."""
    return out.with_suffix(".log.jsonl")


def logged_epochs(out: Path) -> set[int]:
    """The epochs in a model's log."""
    epochs: set[int] = set()
    with suppress(OSError):
        for line in log_path(out).read_bytes().splitlines():
            with suppress(ValueError, KeyError, TypeError):  # a line that was cut off
                epochs.add(int(json.loads(line)["epoch"]))
    return epochs
