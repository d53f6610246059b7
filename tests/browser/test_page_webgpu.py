"""A page that computes on a GPU makes the same runs, and goes on without it when it is lost.

Chromium's software adapter plays the GPU, so nothing here tells anything of speed. It takes seconds for a step: the
test that runs steps on it is skipped unless `ROBUST_WIDGETS_WEBGPU=1` is set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from lab import CHROMIUM_NAMES, until
from page_studio import PageStudio, after_code
from playwright.sync_api import Browser, BrowserContext

pytest.importorskip("onnxruntime", reason="the extra fast")
pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
]
# Keeps the worker's GPU, so that a test can lose it.
KEEP = """
const request = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (...options) {
  self.keptDevice = await request.apply(this, options);
  return self.keptDevice;
};
"""


AVAILABLE = """async () => {
  const adapter = await navigator.gpu?.requestAdapter();
  return Boolean(adapter) && 'Suspending' in WebAssembly;
}"""


@pytest.fixture(scope="module")
def gpu_browser(browser: Browser, page_address: str) -> Iterator[Browser]:
    found = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    other = browser.browser_type.launch(executable_path=found, args=FLAGS)
    page = other.new_page()
    page.goto(f"{page_address}licences.txt")
    is_available = page.evaluate(AVAILABLE)
    page.close()
    if not is_available:
        other.close()
        pytest.skip("this browser has no WebGPU, or WebAssembly that cannot wait for it")
    yield other
    other.close()


@pytest.fixture
def context(gpu_browser: Browser) -> Iterator[BrowserContext]:
    context = gpu_browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    yield context
    context.close()


def head(studio: PageStudio) -> str:
    return studio.page.locator(".rs-model").text_content() or ""


@pytest.mark.skipif(not os.environ.get("ROBUST_WIDGETS_WEBGPU"), reason="a software adapter takes a minute for it")
def test_its_steps_are_those_of_webassembly_which_goes_on_when_it_is_lost(
    context: BrowserContext, page_address: str, tmp_path: Path
) -> None:
    settings = "#task=sketch_to_image&class=lion&seed=1&steps=8"
    context.route("**/engine.js", after_code(KEEP))
    studio = PageStudio(context, f"{page_address}?compute=webgpu{settings}")
    until(studio.page, lambda: "on WebGPU" in head(studio), 120)
    studio.paint()
    studio.page.locator(".rs-run").click()
    studio.page.wait_for_selector(".rw-view[data-step='1']")
    (worker,) = (worker for worker in studio.page.workers if worker.url.endswith("engine.js"))
    worker.evaluate("self.keptDevice.destroy()")
    studio.wait_for_run(1)
    studio.wait_for_status("^The GPU does not compute any more")
    assert "on WebAssembly" in head(studio)
    on_gpu = studio.saved_run(tmp_path)
    studio.open(f"{page_address}?compute=wasm{settings}")
    studio.wait_for_status("^Restored your painting")
    until(studio.page, lambda: "on WebAssembly" in head(studio))
    studio.run()
    on_processor = studio.saved_run(tmp_path)
    np.testing.assert_array_equal(on_gpu.inputs["picture"], on_processor.inputs["picture"])
    assert len(on_gpu) == len(on_processor) == 9
    difference = np.abs(on_gpu.frames.astype(int) - on_processor.frames)
    assert np.median(difference) <= 1 and difference.max() <= 8
    np.testing.assert_allclose(on_gpu.metrics["loss"], on_processor.metrics["loss"], rtol=0.05, atol=0.02)


def test_a_gpu_that_a_processor_plays_is_not_taken_unasked(context: BrowserContext, page_address: str) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    studio = PageStudio(context, page_address)
    until(studio.page, lambda: "on WebAssembly" in head(studio))
    assert any(url.endswith(".wasm") for url in asked) and not any(".jspi." in url for url in asked)
