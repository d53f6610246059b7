"""What all tests share. Torch is not imported here: the widgets' tests run without it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# One thread: tiny networks run faster on it, and the order of additions is the same on every machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A network as it is, unless a test asks for more: preparing one takes longer than most tests.
os.environ.setdefault("ROBUST_WIDGETS_FAST", "0")

# No deadlines: nothing here is about speed. Derandomised: a red build is red again on the next machine.
settings.register_profile(
    "robust_widgets", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# More examples, other ones each time: ROBUST_WIDGETS_FUZZ=5000.
FUZZ = int(os.environ.get("ROBUST_WIDGETS_FUZZ", "0"))
settings.register_profile("fuzz", settings.get_profile("robust_widgets"), derandomize=False, max_examples=max(1, FUZZ))
settings.load_profile("fuzz" if FUZZ else "robust_widgets")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is kept between processes is kept out of the home of whoever runs the tests, kernels included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROBUST_WIDGETS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
