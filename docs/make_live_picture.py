"""Take the picture of the studio on a page anew, in Chromium: python docs/make_live_picture.py"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright

import robust_widgets as rw
from robust_widgets.page.serve import address_of, page_server

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests" / "browser"))
from lab import launch  # noqa: E402

WAIT = 120_000


def main() -> None:
    with TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        blob = Image.open(DOCS / "pictures" / "blob.png")
        rw.write_page(folder / "page", model="default", picture=blob)
        server = page_server(folder / "page")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1200, "height": 760})
        page.set_default_timeout(WAIT)
        page.goto(f"{address_of(server)}#task=sketch_to_image&class=goldfish")
        page.wait_for_selector("html[data-ready]", state="attached")
        page.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_selector(".rw-view[data-state=done]")
        page.wait_for_timeout(1000)
        page.screenshot(path=str(DOCS / "pictures" / "live.png"))
        browser.close()
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main()
