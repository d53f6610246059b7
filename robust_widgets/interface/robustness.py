"""A model's measured robustness, as numbers and as text."""

from __future__ import annotations

from dataclasses import dataclass

from robust_widgets.units import LEVELS, REFERENCE_SIZE, pixels_at_224, to_levels

# Thresholds between standard and robust models, L2 in pixels at 224, measured on seven 64 px models (the robust ones
# trained for L2 1.0, which is 3.5 at 224). On pictures they generated: standard 1.3 to 2.0, robust 11.0 to 29.8.
# On 54 photographs of their classes: standard 0.8 to 1.6, robust 3.9 to 5.3.
ROBUST_FROM_OWN, ROBUST_FROM_GIVEN = 5.0, 2.5
NOT_MEASURED = "robustness not measured"


@dataclass(frozen=True)
class Robustness:
    """How far pictures must move before a model changes its decision.

    Attributes:
        radius: half of the decisions hold up to this L2 distance, in raw pixels at ``side``.
        side: width and height of the pictures in pixels.
        count: number of attacked decisions.
        own: whether the model generated the pictures itself.
    """

    radius: float
    side: int
    count: int
    own: bool

    @property
    def radius_at_224(self) -> float:
        """The radius in the pixels of a picture of side 224, in which models of any size compare."""
        return pixels_at_224(self.radius, self.side)

    @property
    def robust_from(self) -> float:
        """From which radius at 224 on a model is called robust: what one trained without an attack does not reach."""
        return ROBUST_FROM_OWN if self.own else ROBUST_FROM_GIVEN

    @property
    def robust(self) -> bool:
        """Whether it withstands clearly more than models that were trained without an attack."""
        return self.radius_at_224 >= self.robust_from

    @property
    def words(self) -> str:
        """``"robust, L2 8.5 at 224"`` or ``"standard, L2 1.6 at 224"``."""
        return f"{'robust' if self.robust else 'standard'}, L2 {self.radius_at_224:.1f} at {REFERENCE_SIZE}"

    @property
    def details(self) -> str:
        """How it was measured, in two sentences."""
        pictures = "pictures it had painted itself" if self.own else "the pictures it was given"
        same = "" if self.side == REFERENCE_SIZE else f", {self.radius:.2g} at its own {self.side}"
        return (
            f"Measured by an attack on {self.count} {pictures}: half of its decisions hold until the picture is moved "
            f"by L2 {self.radius_at_224:.1f} at {REFERENCE_SIZE} px{same}. On these, {self.robust_from:g} and more is "
            "called robust."
        )


def training_claim(norm: str, radius: float) -> str:
    """``trained for l2 3``, or ``trained for linf 4/255``; radii in raw pixels."""
    return f"trained for {norm} {radius:g}" if norm == "l2" else f"trained for {norm} {to_levels(radius):g}/{LEVELS}"
