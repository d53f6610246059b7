"""The weights that learn, and one step of learning: attack a batch, and lower the loss on what comes of it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from robust_widgets.errors import KnobError, TrainingError, is_out_of_memory
from robust_widgets.models.architectures import build
from robust_widgets.models.classifier import ModelCard, RobustClassifier
from robust_widgets.training.adversary import attack
from robust_widgets.training.schedule import WeightAverage, decay_groups
from robust_widgets.training.settings import TrainingSettings
from robust_widgets.training.world import World


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
        KnobError: the weights of ``init`` do not fit the architecture.
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
        KnobError: the weights do not fit the architecture.
    """
    weights = {name: value.detach().clone() for name, value in init.network.state_dict().items()}
    if init.classes != card.classes:
        weights = {name: value for name, value in weights.items() if not name.startswith("head.")}
    try:
        network.load_state_dict(weights, strict=init.classes == card.classes)
    except RuntimeError:
        raise KnobError(
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
