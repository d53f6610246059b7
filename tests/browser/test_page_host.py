"""What a page does with its address, its storage, the network, bad input, and for people who cannot see it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from accessibility import complaints, needs_axe
from lab import until
from page_studio import PageStudio
from PIL import Image
from playwright.sync_api import Browser, BrowserContext

from robust_widgets.page.serve import address_of, page_server

pytest.importorskip("onnxruntime", reason="the extra fast")
pytestmark = pytest.mark.browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


def test_a_link_carries_the_settings_and_says_what_it_does_not_know(context: BrowserContext, page_address: str) -> None:
    studio = PageStudio(context, f"{page_address}#task=inpaint&class=cat&steps=7&seed=none&wings=2&epsilon=-1")
    page = studio.page
    assert "“wings=2”, “epsilon=-1”" in studio.status
    assert page.locator("main").get_attribute("data-task") == "inpaint"
    assert page.get_by_role("combobox", name="class").input_value() == "cat"
    page.get_by_label("steps").last.fill("9")
    until(page, lambda: "steps=9" in page.url)
    other = PageStudio(context, page.url)
    assert other.status == ""
    assert other.page.get_by_label("steps").last.input_value() == "9"
    assert other.page.get_by_role("checkbox", name="Set the seed").is_checked() is False


def test_the_painting_survives_a_reload_and_another_tab_has_its_own(context: BrowserContext, page_address: str) -> None:
    studio = PageStudio(context, page_address)
    studio.paint()
    painting = studio.painting()
    studio.page.wait_for_timeout(300)
    studio.page.reload()
    studio.page.wait_for_selector("html[data-ready]")
    studio.wait_for_status("^Restored your painting")
    assert studio.painting() == painting
    # A tab that crashed comes back as a new one.
    other = PageStudio(context, page_address)
    other.wait_for_status("^Restored your painting")
    assert other.painting() == painting
    other.paint(0.8)
    other.page.wait_for_timeout(300)
    studio.page.reload()
    studio.page.wait_for_selector("html[data-ready]")
    assert studio.painting() == painting


def test_a_browser_that_stores_nothing_is_told_of(context: BrowserContext, page_address: str) -> None:
    context.add_init_script("indexedDB.open = () => { throw new DOMException('refused', 'SecurityError'); };")
    studio = PageStudio(context, page_address)
    studio.wait_for_status("lets the page store nothing")
    studio.paint()
    assert len(set(studio.painting())) > 2


def test_it_opens_and_runs_without_a_network(browser: Browser, page_folder: Path) -> None:
    server = page_server(page_folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    studio = PageStudio(context, address_of(server))
    studio.page.evaluate("navigator.serviceWorker.ready")
    until(studio.page, lambda: studio.page.evaluate("navigator.serviceWorker.controller !== null"))
    server.shutdown()
    server.server_close()
    studio.open(f"{address_of(server)}#task=generate&steps=2")
    studio.run()
    assert studio.page.evaluate("crossOriginIsolated")
    assert studio.page.locator(".rw-view-line").text_content() is not None
    context.close()


def test_files_that_cannot_be_used_are_told_of_and_change_nothing(
    context: BrowserContext, page_address: str, tmp_path: Path
) -> None:
    studio = PageStudio(context, page_address)
    studio.paint()
    painting = studio.painting()
    huge, cut, run, note = (tmp_path / name for name in ("huge.png", "cut.jpg", "none.rwtrace", "note.txt"))
    Image.new("1", (20_000, 20_000)).save(huge)
    Image.new("RGB", (64, 64), "red").save(cut, "JPEG")
    cut.write_bytes(cut.read_bytes()[:100])
    run.write_bytes(b"PK, but not really")
    note.write_text("hello", encoding="utf-8")
    sentences = {
        huge: "^huge.png cannot be used: it has 20000 . 20000 pixels",
        cut: "^cut.jpg cannot be used: the browser cannot read it",
        run: "^none.rwtrace is not a saved run",
        note: "^note.txt cannot be used",
    }
    for file, sentence in sentences.items():
        with studio.page.expect_file_chooser() as chooser:
            studio.page.get_by_role("button", name="Open a picture").click()
        chooser.value.set_files(file)
        studio.wait_for_status(sentence)
        assert studio.painting() == painting
    # The pad's own button refuses the same.
    with studio.page.expect_file_chooser() as chooser:
        studio.page.get_by_role("button", name="Add a picture").click()
    chooser.value.set_files(huge)
    studio.wait_for_status(sentences[huge])
    assert studio.painting() == painting


def test_a_download_that_is_cut_is_told_of_and_painting_goes_on(context: BrowserContext, page_address: str) -> None:
    context.route("**/weights.bin", lambda route: route.abort())
    studio = PageStudio(context, page_address)
    studio.wait_for_status("weights.bin could not be downloaded")
    studio.paint()
    assert len(set(studio.painting())) > 2


def test_it_speaks_german(context: BrowserContext, page_address: str) -> None:
    studio = PageStudio(context, f"{page_address}?lang=de")
    page = studio.page
    assert page.locator("html").get_attribute("lang") == "de"
    assert page.get_by_role("radio").all_text_contents()[:2] == ["Skizze zu Bild", "Erzeugen"]
    page.locator(".rs-run").click()
    studio.wait_for_status("^Die Leinwand ist leer")
    page.locator(".rw-pad-surface").focus()
    page.keyboard.press("?")
    assert "Werkzeuge" in (page.locator(".rw-pad-help").text_content() or "")


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(browser: Browser, page_address: str, scheme: str, width: int) -> None:
    dark = scheme == "dark"
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    studio = PageStudio(context, f"{page_address}#task=sketch_to_image&steps=2")
    assert complaints(studio.page) == []
    studio.paint()
    studio.run()
    assert complaints(studio.page) == []
    studio.choose_task("paint_features")
    studio.page.locator(".rs-run").click()  # a message, too: the mask is empty
    studio.wait_for_status("^The mask is empty")
    studio.page.locator(".rs-more summary").click()
    assert complaints(studio.page) == []
    context.close()
