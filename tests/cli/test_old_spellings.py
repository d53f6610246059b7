"""Old spellings of commands work for one release, and name the new one."""

from __future__ import annotations

import pytest

from robust_widgets.cli.old_spellings import evaluate_arguments, renamed
from tests.cli.shell import call


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("M D --radius 1 --auto-radius 2", "accuracy M D --epsilon 1 --autoattack-epsilon 2"),
        ("--write M D --per-class", "accuracy --write M D --per-class"),
        (
            "M D --attack autoattack --afresh --auto-limit=9",
            "accuracy M D --attack autoattack --no-cache --autoattack-limit=9",
        ),
        ("M D --tasks --judge J --out report.md", "tasks M D --judge J --out report.md"),
        ("M D --judge J --card card.md --radius 1", "card M D --judge J --out card.md --epsilon 1"),
        ("M D --judge J --card=card.md --tasks --seeds 4", "card M D --judge J --out=card.md --tasks --seeds 4"),
    ],
)
def test_evaluate_becomes_a_subcommand(old: str, new: str) -> None:
    assert " ".join(evaluate_arguments(old.split())) == new


def test_options_are_renamed_but_not_their_values() -> None:
    assert renamed(["DATA", "--side", "32", "--radius=0.5", "--norm", "l2"]) == [
        *("DATA", "--size", "32", "--epsilon=0.5", "--norm", "l2"),
    ]


@pytest.mark.parametrize(
    ("old", "line"),
    [
        (["evaluate", "m.safetensors", "data", "--radius", "1"], "evaluate accuracy m.safetensors data --epsilon 1"),
        (
            ["evaluate", "--tasks", "m.safetensors", "data", "--judge", "j"],
            "evaluate tasks m.safetensors data --judge j",
        ),
        (["train", "data", "--out", "m.safetensors", "--side", "16"], "train data --out m.safetensors --size 16"),
    ],
)
def test_one_line_names_the_new_spelling(old: list[str], line: str) -> None:
    errors = call(*old, code=2).stderr.splitlines()
    assert errors[0].endswith(f"the new one is: robust-widgets {line}")
    assert len(errors) == 2, "then comes the command's own error: the files are missing"


@pytest.mark.parametrize("command", [["evaluate", "accuracy", "m", "d"], ["train", "d", "--out", "m.safetensors"]])
def test_new_spellings_are_not_commented(command: list[str]) -> None:
    assert "spelling" not in call(*command, code=2).stderr
