"""The player that needs no kernel: what is in it, and that it stays small."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from robust_widgets.runs.notebook import MIME, MOST_BYTES, mime_bundle, player_html
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from tests.runs.test_trace import frame, recorded
from tests.widgets.page import decoded


def grown(steps: int, side: int, seed: int = 0, target: str = "goldfish") -> Trace:
    """A picture with as much detail as a photograph that comes out of grey, and all that is recorded with it."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (16, 16, 3)).astype(np.uint8))
    final = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)) + random.normal(0, 8, (side, side, 3))
    trace = Trace("sketch_to_image", {}, target=target, classes=("goldfish", "dog"), radius=40.0)
    for step in range(steps + 1):
        share = step / max(1, steps)
        pixels = np.clip(128 * (1 - share) + final * share, 0, 255).astype(np.uint8)[None]
        number = np.array([share])
        probabilities = np.array([[share, 1 - share]], np.float32)
        trace.append(Frame(step, pixels, 3 - number, number, 40 * number, step / 50, probabilities))
    return trace


def page_of(player: str) -> str:
    """The document in the player's frame."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "iframe":
                given = dict(attrs)
                assert given["sandbox"] == "allow-scripts"
                found.append(given["srcdoc"] or "")

    Reader().feed(player)
    assert len(found) == 1
    return found[0]


def runs_of(player: str) -> list[dict[str, Any]]:
    """The runs that a player shows."""
    data = re.search(r'<script type="application/json" id="runs">(.*?)</script>', page_of(player), re.DOTALL)
    assert data is not None
    return json.loads(data[1])


def in_notebook(value: object) -> int:
    """Bytes in a notebook file."""
    return len(json.dumps(value, ensure_ascii=False).encode())


@pytest.mark.parametrize(("steps", "side"), [(60, 64), (60, 224), (299, 512)])
def test_a_run_of_real_size_stays_within_300_kilobytes(steps: int, side: int) -> None:
    trace = grown(steps, side)
    bundle = mime_bundle([trace])
    assert in_notebook(bundle) <= MOST_BYTES == 300_000
    assert in_notebook(player_html([trace])) <= MOST_BYTES
    (run,) = runs_of(bundle["text/html"])
    assert len(run["frames"]) == len(run["steps"]) >= 15
    assert run["steps"][0] == 0 and run["steps"][-1] == run["last"] == steps
    last = decoded(base64.b64decode(run["frames"][-1]))
    assert min(last.shape[:2]) >= min(side, 192)
    wanted = np.asarray(Image.fromarray(trace[-1].pixels[0]).resize(last.shape[1::-1]))
    off, contrast = np.abs(last.astype(int) - wanted).mean(), np.abs(wanted.astype(int) - 128).mean()
    assert off < contrast / 3, "it is the last picture"


def test_a_small_run_is_kept_whole() -> None:
    (run,) = runs_of(player_html([grown(60, 64)]))
    assert run["steps"] == list(range(61))
    assert run["probability"][30] == 0.5 and run["distance"][-1] == 40 and run["radius"] == 40
    assert (run["title"], run["task"]) == ("goldfish", "sketch to image")


@pytest.mark.parametrize("most", [150_000, 60_000, 25_000])
def test_a_smaller_budget_is_kept_too(most: int) -> None:
    assert in_notebook(player_html([grown(60, 224)], most_bytes=most)) <= most


@pytest.mark.parametrize("most", [0, 5000])
def test_an_impossible_budget_raises_nothing(most: int) -> None:
    assert len(runs_of(player_html([grown(60, 224)], most_bytes=most))[0]["frames"]) == 1


def test_several_runs_share_one_player() -> None:
    traces = [grown(20, 64, seed, target) for seed, target in enumerate(("goldfish", "dog"))]
    bundle = mime_bundle([*traces, Trace("generate", {})])
    assert [run["title"] for run in runs_of(bundle["text/html"])] == ["goldfish", "dog"]
    assert in_notebook(bundle) <= 2 * MOST_BYTES


def test_nothing_comes_from_elsewhere() -> None:
    player = player_html([recorded(3)])
    outside = [link for link in re.findall(r"https?://[^\s\"'<>]+", html.unescape(player)) if "w3.org" not in link]
    assert outside == []
    assert "src=" not in re.sub(r'"<img[^>]*>', "", page_of(player).split("<script")[0])


def test_names_cannot_break_out_of_the_page() -> None:
    trace = grown(1, 16, target="</script><script>alert('&quot;')</script>'\"><b>")
    bundle = mime_bundle([trace])
    assert runs_of(bundle["text/html"])[0]["title"] == trace.target
    assert page_of(bundle["text/html"]).count("<script") == 2
    assert bundle["text/html"].count("<script>alert") == 0


def test_numbers_without_meaning_are_nothing() -> None:
    trace = Trace("generate", {})
    trace.append(frame(0, probability=float("nan")))
    assert runs_of(player_html([trace]))[0]["probability"] == [None]


def test_no_runs() -> None:
    assert runs_of(player_html([])) == [] and mime_bundle([]) == {"text/plain": "no runs yet"}


def test_where_frames_are_taken_away_a_strip_is_seen() -> None:
    bundle = mime_bundle([grown(20, 64)])
    png = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert png.format == "PNG" and png.width / png.height == pytest.approx(6, abs=0.1)
    # Sanitised pages have neither the frame nor the style that hides the strip beside it.
    assert re.search(r"</iframe><style>[^<]*display:none[^<]*</style><img alt=\"Trace", bundle["text/html"])


def test_a_trace_shows_itself_as_a_player() -> None:
    bundle = recorded(3)._repr_mimebundle_()
    assert set(bundle) == {MIME, "text/html", "image/png", "text/plain"} and "3 steps" in bundle["text/plain"]
    assert Trace("generate", {})._repr_mimebundle_() == {"text/plain": "Trace(generate, no frames yet)"}
