"""What a page lacks is said in a sentence with a way on, and the painting stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from lab import until
from page_studio import PageStudio, after_code
from playwright.sync_api import Browser, BrowserContext, Page, Route

pytest.importorskip("onnxruntime", reason="the extra fast")
pytestmark = pytest.mark.browser

RUNTIME = "ort-wasm-simd-threaded"
Answer = Callable[[Route], None]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without service workers, whose requests a test answers."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    yield context
    context.close()


def missing(route: Route) -> None:
    route.fulfill(status=404, body="not here")


def cut(route: Route) -> None:
    route.abort("connectionreset")


def truncated(route: Route) -> None:
    body = route.fetch().body()
    route.fulfill(status=200, content_type="application/octet-stream", body=body[: len(body) // 2])


def retry(page: Page) -> None:
    page.get_by_role("button", name="Try again").click()


def head(page: Page) -> str:
    return page.locator(".rs-model").text_content() or ""


LOST = [
    ("weights.bin", truncated, r"^weights\.bin is damaged; try again"),
    (f"{RUNTIME}.wasm", missing, r"^ort-wasm-simd-threaded\.wasm is missing on the server \(404\)"),
    (
        f"{RUNTIME}.mjs",
        cut,
        r"^ort-wasm-simd-threaded\.mjs could not be downloaded; check the connection, then try again",
    ),
    ("engine.js", missing, r"^engine\.js could not be downloaded"),
]


@pytest.mark.parametrize(("name", "answer", "sentence"), LOST)
def test_a_file_that_does_not_arrive_is_named_and_asked_for_again(
    name: str, answer: Answer, sentence: str, context: BrowserContext, page_address: str
) -> None:
    context.route(f"**/{name}", answer)
    studio = PageStudio(context, f"{page_address}#task=sketch_to_image&steps=2")
    studio.wait_for_status(sentence)
    assert "could not be loaded" in head(studio.page)
    studio.paint()
    painting = studio.painting()
    assert len(set(painting)) > 2
    context.unroute(f"**/{name}")
    retry(studio.page)
    until(studio.page, lambda: "on WebAssembly" in head(studio.page))
    assert studio.status == "" and studio.painting() == painting
    studio.run()


def test_a_connection_that_ends_half_way_keeps_the_painting_and_the_run_is_started_again(
    context: BrowserContext, page_address: str
) -> None:
    studio = PageStudio(context, f"{page_address}#task=sketch_to_image&steps=2")
    until(studio.page, lambda: "on WebAssembly" in head(studio.page))
    studio.paint()
    painting = studio.painting()
    context.route("**/steps/*.onnx", cut)
    studio.page.evaluate("location.hash = 'task=sketch_to_image&steps=2&constraint=linf'")
    studio.page.locator(".rs-run").click()
    studio.wait_for_status(r"\.onnx could not be downloaded; check the connection")
    assert studio.painting() == painting
    context.unroute("**/steps/*.onnx")
    retry(studio.page)
    studio.wait_for_run(1)
    assert studio.status == "" and studio.painting() == painting


def test_a_manifest_that_does_not_arrive_is_asked_for_again(context: BrowserContext, page_address: str) -> None:
    context.route("**/manifest.json", missing)
    page = context.new_page()
    page.goto(page_address)
    page.get_by_role("alert").filter(has_text=re.compile(r"manifest\.json is missing on the server")).wait_for()
    context.unroute("**/manifest.json")
    retry(page)
    page.wait_for_selector("html[data-ready]")
    assert page.get_by_role("alert").filter(has_text="manifest").count() == 0


def test_a_browser_without_webassembly_is_told_what_it_lacks(context: BrowserContext, page_address: str) -> None:
    context.route("**/engine.js", after_code("delete self.WebAssembly"))
    studio = PageStudio(context, page_address)
    studio.wait_for_status("^This browser has no WebAssembly, which computes the steps; use a current browser")
    assert studio.page.get_by_role("button", name="Try again").count() == 0
    studio.paint()
    assert len(set(studio.painting())) > 2
    studio.page.locator(".rs-run").click()
    studio.wait_for_status("^This browser has no WebAssembly")


def test_a_browser_that_is_short_of_memory_says_so_and_tries_again(context: BrowserContext, page_address: str) -> None:
    short = "WebAssembly.Memory = function () { throw new RangeError('could not allocate memory'); }"
    context.route("**/engine.js", after_code(short))
    studio = PageStudio(context, f"{page_address}#task=sketch_to_image&steps=2")
    studio.wait_for_status("^This browser is short of memory; close other tabs, then try again")
    studio.paint()
    painting = studio.painting()
    context.unroute("**/engine.js")
    retry(studio.page)
    until(studio.page, lambda: "on WebAssembly" in head(studio.page))
    studio.run()
    assert studio.painting() == painting


def test_a_full_disk_is_told_of_and_the_painting_stays(context: BrowserContext, page_address: str) -> None:
    context.add_init_script(
        "IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };"
    )
    studio = PageStudio(context, page_address)
    studio.paint()
    studio.wait_for_status("lets the page store nothing here")
    assert len(set(studio.painting())) > 2


def test_a_kept_file_that_is_damaged_is_replaced(browser: Browser, page_address: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    studio = PageStudio(context, page_address)
    studio.page.evaluate("navigator.serviceWorker.ready")
    until(studio.page, lambda: studio.page.evaluate("navigator.serviceWorker.controller !== null"))
    kept = """async (damage) => {
      const [name] = await caches.keys();
      const cache = await caches.open(name);
      const address = new URL('weights.bin', location.href).href.split('#')[0];
      if (damage) await cache.put(address, new Response('short'));
      return (await (await cache.match(address)).arrayBuffer()).byteLength;
    }"""
    whole = studio.page.evaluate(kept, False)
    assert studio.page.evaluate(kept, True) == 5 < whole
    studio.open(f"{page_address}?again")
    until(studio.page, lambda: "on WebAssembly" in head(studio.page))
    assert studio.status == "" and studio.page.evaluate(kept, False) == whole
    context.close()
