"""A page works in browsers other than Chromium: paint, run and watch.

Skipped where they are not installed. On Debian: the packages firefox-esr, and webkit2gtk-driver with a display, such as
that of xvfb-run. `ROBUST_WIDGETS_SCREENSHOTS` names a folder for pictures of what they showed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from webdriver import Driven, installed

pytest.importorskip("onnxruntime", reason="the extra fast")
pytestmark = pytest.mark.browser

SHOTS = os.environ.get("ROBUST_WIDGETS_SCREENSHOTS")
BOX = """(() => {
  const { x, y, width, height } = document.querySelector('.rw-pad-surface').getBoundingClientRect();
  return [x, y, width, height];
})()"""
# How many colours the result has, and the line under it.
RESULT = """(() => {
  const canvas = document.querySelector('.rw-view-picture');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const colors = new Set();
  for (let at = 0; at < data.length; at += 4) colors.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  return [colors.size, document.querySelector('.rw-view-line').textContent];
})()"""


@pytest.fixture(params=["firefox", "webkit"])
def other(request: pytest.FixtureRequest) -> Iterator[Driven]:
    browser = installed(request.param)
    if browser is None:
        pytest.skip(f"{request.param} is not installed")
    try:
        yield browser
    finally:
        browser.close()


def test_it_is_painted_and_run(other: Driven, page_address: str) -> None:
    other.open(f"{page_address}#task=sketch_to_image&steps=4&seed=1")
    other.until("document.documentElement.dataset.ready === 'true'")
    other.until("document.querySelector('.rs-model').textContent.includes('on WebAssembly')")
    x, y, width, height = other.evaluate(BOX)
    places = [(x + part * width, y + (0.35 + 0.3 * part) * height) for part in (0.25, 0.4, 0.55, 0.75)]
    other.drag(*places)
    other.evaluate("document.querySelector('.rs-run').click()")
    other.until("document.querySelector('.rw-view[data-state=done]') !== null")
    colors, line = other.evaluate(RESULT)
    if SHOTS:
        name = type(other).__name__.lower()
        Path(SHOTS, f"page-{name}-{other.version}.png").write_bytes(other.screenshot())  # type: ignore[attr-defined]
    assert colors > 100 and line.startswith("4 steps in")
    assert other.evaluate("document.querySelector('.rs-status-text').textContent") == ""
