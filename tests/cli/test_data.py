"""`robust-widgets data`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from robust_widgets.training.data import RESTRICTED_TINY_IMAGENET, open_data
from tests.cli.shell import call, refusal, write_data
from tests.helpers import noise_patterns
from tests.training.tiny_archive import members, tree, write


def test_the_commands_explain_themselves_without_torch() -> None:
    assert "data" in call("--help").stdout
    for command in ("restricted-tiny-imagenet", "split-by-name"):
        (line,) = [line for line in call("data", "--help").stdout.splitlines() if line.split()[:1] == [command]]
        assert line.endswith(".") and not line.endswith("...")
        assert "--out" in call("data", command, "--help").stdout
    code = "import sys; from robust_widgets.cli import app; app(['data', '--help'], standalone_mode=False); "
    heavy = "print('torch' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code + heavy], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "False"


def test_restricted_tiny_imagenet_is_made(tmp_path: Path) -> None:
    wnids = [wnid for of_class in RESTRICTED_TINY_IMAGENET.values() for wnid in of_class]
    archive = write(tmp_path / "tiny.zip", members(wnids, train=2, val=1))
    out = tmp_path / "my data"
    result = call("data", "restricted-tiny-imagenet", "--from", archive, "--out", out)
    assert f"wrote {out}: 138 pictures in train, 69 in val" in result.stdout
    assert f"train '{out}' --out model.safetensors" in result.stdout
    assert "sorting" in result.stderr
    assert {f.parent.name for f in out.glob("train/*/*")} == set(RESTRICTED_TINY_IMAGENET)
    assert "already exists" in refusal("data", "restricted-tiny-imagenet", "--from", archive, "--out", out)


def test_domains_are_split_and_can_be_trained_on(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", noise_patterns(20))
    out = tmp_path / "out"
    domains = ["low=00", "high=02,03,04", "high=05"]
    result = call("data", "split-by-name", data, "--out", out, *domains)
    assert f"wrote {out}: 10 pictures of low, 40 pictures of high" in result.stdout
    train, val = open_data(out, 16)
    assert train.classes == ("high", "low") and (len(train), len(val)) == (45, 5)


@pytest.mark.parametrize(
    ("domains", "words"),
    [(["low"], "'low'"), (["low=00"], "two"), (["a=00", "b=001"], "overlap"), (["=0", "b=1"], "''")],
)
def test_bad_domains_are_answered_in_one_sentence(domains: list[str], words: str, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", noise_patterns(10))
    before = tree(tmp_path)
    assert words in refusal("data", "split-by-name", data, "--out", tmp_path / "out", *domains)
    assert tree(tmp_path) == before


def test_bad_archives_are_answered_in_one_sentence(tmp_path: Path) -> None:
    assert "gone.zip" in refusal("data", "restricted-tiny-imagenet", "--from", "gone.zip", "--out", tmp_path / "out")
    assert "zip" in refusal("data", "restricted-tiny-imagenet", "--from", __file__, "--out", tmp_path / "out")
