"""Adversarial training: min over weights of the expected worst loss within a radius (paper, section 2)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from robust_widgets.errors import TrainingError
from robust_widgets.files import write_whole
from robust_widgets.models.architectures import build
from robust_widgets.models.checkpoints import save_model
from robust_widgets.models.classifier import ModelCard, RobustClassifier
from robust_widgets.training.adversary import attack
from robust_widgets.training.data import PictureSet, augment
from robust_widgets.training.evaluate import accuracy
from robust_widgets.training.schedule import WeightAverage, decay_groups, learning_rate, side_at
from robust_widgets.training.seed_statistics import seed_statistics
from robust_widgets.training.settings import TrainingSettings

STEPS_BETWEEN_CHECKPOINTS = 100


def train(
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
    log: Callable[[str], object] = tqdm.write,
) -> RobustClassifier:
    """Train a robust classifier and write it to ``out``.

    A checkpoint beside ``out`` is replaced, whole or not at all, every 100 steps and after each epoch; with
    ``resume`` a stopped run goes on from it and makes the same batches, shifts and random starts. A line of numbers
    an epoch is appended to ``out`` with the ending ``.log.jsonl``.

    Args:
        train_set, val_set: pictures in memory, of one side.
        out: the ``.safetensors`` file to write.
        settings: everything that decides the run.
        name: what the model calls itself; by default the file's stem.
        data_name: name and licence of the data, for the model card.
        device: where to train.
        resume: go on from the checkpoint beside ``out``.
        init: start from this model's weights: all of them if its classes are those of ``train_set``, all but the last
            layer if they are not. Its architecture and normalisation are kept.
        log: is handed a sentence after each epoch.

    Raises:
        TrainingError: the loss is not a number; the last checkpoint is kept. Or there is no checkpoint to resume
            from, or it belongs to other settings.
    """
    device = torch.device(device)
    out.parent.mkdir(parents=True, exist_ok=True)
    mean, std = (init.card.mean, init.card.std) if init is not None else channel_statistics(train_set.pictures)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = build(settings.architecture, len(train_set.classes))
    if init is not None:
        start_from(network, init, train_set.classes)
    card = ModelCard(
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
    model = RobustClassifier(network, card).to(device)
    network.to(memory_format=torch.channels_last)
    model.requires_grad_(True)
    optimizer = torch.optim.SGD(
        decay_groups(network.parameters(), settings.weight_decay),
        lr=settings.learning_rate,
        momentum=0.9,
        nesterov=True,
    )
    average = WeightAverage(network, settings.average_decay)
    progress = Progress(out, settings, network, optimizer, average)
    first_step = progress.load() if resume else 0

    steps_per_epoch = max(1, len(train_set) // settings.batch_size)
    steps = settings.epochs * steps_per_epoch
    precision = autocast(device, settings.precision)
    seconds_before = time.perf_counter()
    bar = tqdm(total=steps, initial=first_step, desc="training", unit="step", smoothing=0.02)
    running: Tensor | None = None
    for step in range(first_step, steps):
        epoch, within = divmod(step, steps_per_epoch)
        side = side_at(epoch, settings.epochs, train_set.side, settings.progressive)
        pictures, labels = make_batch(train_set, settings, epoch, within, step, side, device)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, settings.learning_rate, min(steps_per_epoch, steps // 5))
        with precision:
            model.eval()
            attacked = attack(
                model,
                pictures,
                labels,
                norm=settings.norm,
                radius=radius_at(settings, side, train_set.side),
                steps=settings.inner_steps,
                seed=settings.seed * 1_000_003 + step,
            )
            model.train()
            loss = nn.functional.cross_entropy(model(attacked).float(), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        average.update(network)
        running = loss.detach() if running is None else running.lerp(loss.detach(), 0.02)
        bar.update()
        ended = within == steps_per_epoch - 1
        checkpoint_due = ended or (step + 1) % STEPS_BETWEEN_CHECKPOINTS == 0
        if checkpoint_due or (step + 1) % 20 == 0:
            progress.require_finite(step + 1, running)
            bar.set_postfix(loss=f"{float(running):.3f}", side=side)
        if checkpoint_due:
            progress.save(step + 1)
        if ended:
            numbers = measure(average, card, val_set, settings, device)
            row = {
                "epoch": epoch + 1,
                "side": side,
                "loss": round(float(running), 4),
                **numbers,
                "seconds": round(time.perf_counter() - seconds_before, 1),
            }
            with progress.log_path.open("a") as file:
                file.write(json.dumps(row) + "\n")
            log(", ".join(f"{key} {value}" for key, value in row.items()))
    bar.close()
    final = averaged_model(average, card, device)
    final.seeds = seed_statistics(train_set)
    save_model(final, out)
    progress.path.unlink(missing_ok=True)
    return final


def start_from(network: nn.Module, init: RobustClassifier, classes: tuple[str, ...]) -> None:
    """Copy a model's weights; its last layer only where the classes are the same."""
    weights = {name: value.detach().clone() for name, value in init.network.state_dict().items()}
    if init.classes != classes:
        weights = {name: value for name, value in weights.items() if not name.startswith("head.")}
    network.load_state_dict(weights, strict=init.classes == classes)


def channel_statistics(pictures: Tensor) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Per-channel mean and standard deviation of uint8 pictures (n, 3, h, w), in [0, 1] units."""
    sample = pictures[:: max(1, len(pictures) // 5000)].float() / 255
    std, mean = torch.std_mean(sample, dim=(0, 2, 3))
    red, green, blue = (round(float(value), 4) for value in mean)
    red_std, green_std, blue_std = (round(max(float(value), 1e-3), 4) for value in std)
    return (red, green, blue), (red_std, green_std, blue_std)


def radius_at(settings: TrainingSettings, side: int, full: int) -> float:
    """The radius at a smaller side: an L2 radius scales with the side, a Linf radius does not."""
    return settings.radius * side / full if settings.norm == "l2" else settings.radius


def make_batch(
    data: PictureSet, settings: TrainingSettings, epoch: int, within: int, step: int, side: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The augmented batch of a step; the same for the same settings, whenever it is made."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(settings.seed * 7919 + epoch))
    index = order[within * settings.batch_size : (within + 1) * settings.batch_size]
    pictures = data.pictures[index].float().div_(255)
    generator = torch.Generator().manual_seed(settings.seed * 104_729 + step)
    pictures = augment(pictures, generator, min(settings.margin, data.side - 1))
    if side != data.side:
        pictures = nn.functional.interpolate(pictures, size=(side, side), mode="bilinear", antialias=True).clamp(0, 1)
    pictures = pictures.to(device, memory_format=torch.channels_last)
    return pictures, data.labels[index].to(device)


def autocast(device: torch.device, precision: str) -> Any:
    """The autocast context of a precision; "auto" takes bfloat16 where the device computes in it natively."""
    native = device.type == "cuda" or (device.type == "cpu" and _cpu_has_bfloat16())
    if precision == "bfloat16" or (precision == "auto" and native):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def _cpu_has_bfloat16() -> bool:
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported()) if supported is not None else False


def averaged_model(average: WeightAverage, card: ModelCard, device: torch.device) -> RobustClassifier:
    """A frozen model with the averaged weights."""
    with torch.random.fork_rng(devices=[]):
        network = build(card.architecture, len(card.classes))
    network.load_state_dict(average.state())
    return RobustClassifier(network, card).to(device)


def measure(
    average: WeightAverage, card: ModelCard, val_set: PictureSet, settings: TrainingSettings, device: torch.device
) -> dict[str, float]:
    """Clean accuracy and accuracy under 5 PGD steps of the averaged weights, on up to 540 validation pictures."""
    model = averaged_model(average, card, device)
    return accuracy(model, val_set, norm=settings.norm, radius=settings.radius, steps=5, limit=540, progress=False)


class Progress:
    """The checkpoint of a run: everything needed to go on after a stop."""

    def __init__(
        self,
        out: Path,
        settings: TrainingSettings,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: WeightAverage,
    ) -> None:
        self.path = out.with_suffix(".checkpoint.pt")
        self.log_path = out.with_suffix(".log.jsonl")
        self._settings = settings
        self._network = network
        self._optimizer = optimizer
        self._average = average

    def require_finite(self, step: int, loss: Tensor) -> None:
        """Stop before a diverged run replaces a good checkpoint.

        Raises:
            TrainingError: the loss or a weight is not a finite number.
        """
        weights = self._network.state_dict().values()
        if bool(torch.isfinite(loss)) and all(bool(torch.isfinite(value).all()) for value in weights):
            return
        remedy = "lower --learning-rate and start again"
        if self.path.exists():
            remedy = f"lower --learning-rate and go on with --resume from the last checkpoint, {str(self.path)!r}"
        raise TrainingError(f"The loss or a weight is not a number at step {step}; {remedy}.")

    def save(self, step: int) -> None:
        """Replace the checkpoint, whole or not at all."""
        state = {
            "step": step,
            "settings": self._settings.to_dict(),
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self._average.state(),
            "average_updates": self._average.updates,
        }
        write_whole(self.path, lambda file: torch.save(state, file))

    def load(self) -> int:
        """Put everything back; returns the step to go on with.

        Raises:
            TrainingError: no checkpoint, or one of other settings.
        """
        if not self.path.exists():
            raise TrainingError(f"There is no checkpoint {str(self.path)!r} to resume from; start without --resume.")
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            saved = state["settings"]
        except Exception as error:  # Damaged bytes make torch raise almost anything.
            raise TrainingError(
                f"The checkpoint {str(self.path)!r} is damaged or not a checkpoint; start without --resume."
            ) from error
        changed = [k for k, v in self._settings.to_dict().items() if k != "learning_rate" and saved.get(k) != v]
        if changed:
            raise TrainingError(
                f"The checkpoint {str(self.path)!r} was made with other settings ({', '.join(changed)}); "
                "give the same ones, or start without --resume."
            )
        try:
            self._network.load_state_dict(state["network"])
        except RuntimeError as error:
            raise TrainingError(
                f"The checkpoint {str(self.path)!r} was made with other data, of another number of classes; "
                "give the same data, or start without --resume."
            ) from error
        self._optimizer.load_state_dict(state["optimizer"])
        for name, value in state["average"].items():
            self._average.average[name].copy_(value)
        self._average.updates = state["average_updates"]
        return int(state["step"])
