"""Painting with a kernel far away, and faster than any person: nothing is lost, and nothing is seen twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from easel import Easel, opened
from far import FAR_AWAY, LATENCY_MS
from lab import Notebook
from playwright.sync_api import Browser
from studio_page import near

pytestmark = pytest.mark.browser

WHITE, BLUE = (255, 255, 255), (47, 111, 183)


@pytest.fixture
def far_book(lab_folder: Path, lab_address: str, browser: Browser) -> Iterator[Notebook]:
    with opened(lab_folder, lab_address, browser, "far.ipynb", FAR_AWAY) as book:
        yield book


@pytest.fixture
def near_book(lab_folder: Path, lab_address: str, browser: Browser) -> Iterator[Notebook]:
    with opened(lab_folder, lab_address, browser, "near.ipynb") as book:
        yield book


def test_far_from_its_kernel_a_stroke_follows_the_pointer_and_never_flickers(far_book: Notebook) -> None:
    easel = Easel(far_book)
    easel.book.python("box.opacity.value, box.size.value = 0.5, 40")
    easel.page.wait_for_timeout(1000)
    found = easel.page.evaluate(
        """async () => {
          document.querySelector("button[title='Paint blue']").click();
          const lags = [], seen = [];
          easel.point('pointerdown', 40, 128);
          for (let x = 44; x <= 200; x += 4) {
            easel.point('pointermove', x, 128);
            let frames = 0;
            while (!easel.pixel('.rw-pad-paper', x, 128)[3] && frames < 60) { await easel.frame(); frames++; }
            lags.push(frames);
          }
          const before = easel.pixel('.rw-layer-painting', 120, 128).slice(0, 3);
          easel.point('pointerup', 200, 128);
          const end = performance.now();
          let answered = 0;
          while (performance.now() - end < 3000) {
            await easel.frame();
            seen.push(easel.seen(120, 128));
            const painted = easel.pixel('.rw-layer-painting', 120, 128)[0] !== 255;
            if (painted && !answered) answered = performance.now() - end;
          }
          return { lags, seen, before, answered, sent: window.strokesSent };
        }"""
    )
    assert found["before"] == list(WHITE), "all the ink was seen before the kernel answered"
    assert max(found["lags"]) <= 2, found["lags"]
    assert found["answered"] >= 2 * LATENCY_MS
    half = tuple((255 + channel) // 2 for channel in BLUE)
    strange = [color for color in found["seen"] if not near(color, half, 3)]
    assert strange == [], "neither a flash of white nor ink over paint"
    assert found["sent"] == 1, "a stroke is one message"
    easel.until(easel.is_shown)

    # One stroke after the other, without waiting.
    easel.page.evaluate(
        """async () => {
          for (let row = 0; row < 8; row++) {
            easel.point('pointerdown', 20, 20 + 10 * row);
            for (let x = 30; x <= 230; x += 20) { easel.point('pointermove', x, 20 + 10 * row); await easel.frame(); }
            easel.point('pointerup', 230, 20 + 10 * row);
          }
        }"""
    )
    easel.changed(9)
    easel.until(easel.is_shown)


def test_after_500_strokes_and_100_undos_canvas_and_raster_are_equal_to_the_bit(near_book: Notebook) -> None:
    easel = Easel(near_book)
    easel.page.evaluate(
        """async () => {
          let state = 1;
          const chance = below => (state = (state * 48271) % 2147483647) % below;
          const swatches = document.querySelectorAll("button[title^='Paint ']");
          easel.pad().focus();
          for (let stroke = 0; stroke < 500; stroke++) {
            if (stroke % 5 === 0) swatches[chance(swatches.length)].click();
            easel.key('bbbbeurl'[chance(8)]);
            if (chance(20) === 0) easel.key('m');
            let [x, y] = [20 + chance(216), 20 + chance(216)];
            easel.point('pointerdown', x, y);
            for (const [dx, dy] of [[9, 4], [-3, 15], [12, 9], [-20, 6]]) {
              easel.point('pointermove', x += dx, y += dy);
            }
            easel.point('pointerup', x, y);
            await easel.pause(4);
          }
        }"""
    )
    easel.changed(500, 120)
    easel.until(easel.is_shown)
    assert easel.python("status.text") == ""
    easel.page.evaluate(
        """async () => {
          for (let step = 0; step < 100; step++) { easel.key('z', { ctrlKey: true }); await easel.pause(4); }
        }"""
    )
    easel.changed(600, 60)
    easel.until(easel.is_shown)
    easel.shot("500-strokes")
    easel.book.python("while raster.can_undo: surface.undo()")
    easel.until(easel.is_shown)
    assert easel.python("raster.is_blank, raster.has_mask") == "True False"
