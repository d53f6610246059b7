"""Robust Studio inside a page of the documentation: nothing is loaded before a reader asks, and it opens in place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from robust_widgets.page.serve import address_of, page_server

pytest.importorskip("onnxruntime", reason="the extra fast")
pytest.importorskip("myst_nb", reason="the extra docs")
pytestmark = pytest.mark.browser

DOCS = Path(__file__).parents[2] / "docs"
CONFIGURATION = """
import sys
sys.path.insert(0, {docs!r})
extensions = ["myst_parser", "live"]
myst_enable_extensions = ["colon_fence"]
html_theme = "basic"
html_static_path = [{static!r}]
html_css_files = ["site.css"]
"""
PAGE = """# A page

:::{{live}} {link}
:picture: {up}poster.png
Generate a frog
:::
"""
LINK = "task=generate&class=frog&seed=5&steps=3"
WANTED = parse_qs(LINK)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, page_folder: Path) -> Iterator[str]:
    """Two pages of the documentation, one in a folder, and the studio beside them."""
    source, built = tmp_path_factory.mktemp("docs"), tmp_path_factory.mktemp("site")
    static = str(DOCS / "static")
    (source / "conf.py").write_text(CONFIGURATION.format(docs=str(DOCS), static=static), encoding="utf-8")
    shutil.copy(DOCS / "pictures" / "blob.png", source / "poster.png")
    (source / "lessons").mkdir()
    (source / "index.md").write_text(
        PAGE.format(link=LINK, up="") + "\n```{toctree}\nlessons/one\n```\n", encoding="utf-8"
    )
    (source / "lessons" / "one.md").write_text(PAGE.format(link=LINK, up="../"), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", str(source), str(built)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONUTF8": "1"})
    shutil.copytree(page_folder, built / "studio")
    server = page_server(built, isolated=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address_of(server)
    server.shutdown()
    server.server_close()


class Reader:
    """A page that was opened, and what it asked for."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(**options)
        self.asked: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.goto(address)

    @property
    def of_the_studio(self) -> list[str]:
        return [url for url in self.asked if "/studio/" in url]


@pytest.mark.parametrize("path", ["", "lessons/one.html"])
def test_the_studio_opens_in_place_when_a_reader_asks(path: str, site: str, browser: Browser) -> None:
    reader = Reader(browser, site + path)
    page = reader.page
    button = page.get_by_role("button", name="Generate a frog")
    assert button.get_attribute("aria-expanded") == "false" and page.locator("figure.live img").is_visible()
    page.wait_for_load_state("networkidle")
    assert reader.asked and not reader.of_the_studio

    button.focus()
    page.keyboard.press("Enter")
    studio = page.frame_locator("iframe[title='Robust Studio: Generate a frog']")
    studio.locator("html[data-ready]").wait_for(state="attached")
    assert page.evaluate("() => document.activeElement.tagName") == "IFRAME"
    assert not page.locator("figure.live img").is_visible()
    expect(studio.get_by_role("radio", name="Generate")).to_be_checked()
    shown = parse_qs(studio.locator("body").evaluate("() => location.hash.slice(1)"))
    assert {name: shown[name] for name in WANTED} == WANTED
    studio.get_by_role("button", name="Run", exact=True).click()
    studio.locator(".rw-view[data-state=done]").wait_for()

    close = page.get_by_role("button", name="Close the studio")
    assert close.get_attribute("aria-expanded") == "true"
    close.press("Space")
    assert page.locator("iframe").count() == 0 and page.locator("figure.live img").is_visible()
    assert page.evaluate("() => document.activeElement.textContent") == "Generate a frog"
    assert not [url for url in reader.asked if not url.startswith((site, "data:", "blob:"))]
    reader.context.close()


def test_without_scripts_a_block_is_a_link_to_the_studio(site: str, browser: Browser) -> None:
    reader = Reader(browser, f"{site}lessons/one.html", java_script_enabled=False)
    link = reader.page.get_by_role("link", name="Generate a frog, in your browser")
    assert link.get_attribute("href") == f"../studio/index.html#{LINK}"
    assert reader.page.get_by_role("button", name="Generate a frog").count() == 0
    reader.context.close()


def test_the_studio_also_opens_in_a_tab(site: str, browser: Browser) -> None:
    reader = Reader(browser, site)
    with reader.context.expect_page() as opened:
        reader.page.get_by_role("link", name="Open it in a tab of its own").click()
    opened.value.wait_for_selector("html[data-ready]", state="attached")
    address, _, shown = opened.value.url.partition("#")
    assert address == f"{site}studio/index.html" and parse_qs(shown)["seed"] == WANTED["seed"]
    reader.context.close()
