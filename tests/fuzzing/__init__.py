"""What may come from anybody is read, or refused in a sentence, whatever is in it."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tests.conftest import FUZZ

SPITEFUL = (
    "'\n\"\\\x00\r\x0b\x0c\x1c\x85\u2028\u2029",
    "0\nimport os",
    "steps=1)\nprint('x'",
    "'''",
    "rw.generate",
    "__class__",
    "größer",
    "../../x",
    "</script>",
    "a" * 2000,
)


def tries(count: int) -> settings:
    """Settings with this many examples, or as many as ROBUST_WIDGETS_FUZZ says."""
    return settings(max_examples=FUZZ or count)


def texts() -> st.SearchStrategy[str]:
    return st.sampled_from(SPITEFUL) | st.text(max_size=30)


def numbers() -> st.SearchStrategy[Any]:
    return st.integers() | st.floats() | st.sampled_from([0, -1, 2**31, 2**63, 10**30, 1e308, -0.0])


def values() -> st.SearchStrategy[Any]:
    """Anything that JSON can hold."""
    plain = st.none() | st.booleans() | numbers() | texts()
    return st.recursive(
        plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4), max_leaves=8
    )


def damaged(whole: bytes, dice: random.Random) -> bytes:
    """A file with some of its bytes changed, removed or repeated."""
    content = bytearray(whole)
    for _ in range(dice.choice([1, 1, 2, 4, 16])):
        at = dice.randrange(len(content))
        match dice.randrange(4):
            case 0:
                content[at] = dice.randrange(256)
            case 1:
                content[at : at + 4] = dice.choice([b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff"])
            case 2:
                del content[at : at + dice.choice([1, 8, len(content)])]
            case _:
                content[at:at] = content[at : at + dice.choice([1, 8, 64])]
        if not content:
            break
    return bytes(content)
