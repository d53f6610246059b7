"""The studio in a tab of its own: opened, painted in, reloaded, bereft of its kernel, and closed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from lab import until
from PIL import Image
from playwright.sync_api import Locator, Page
from scripted import trace
from studio_tab import WAIT, StudioTab, current_title, kernels, wait_for_kernels

pytestmark = pytest.mark.browser

INDEX = Path(__file__).parents[2] / "notebooks" / "index.ipynb"
PAINTED = "studio.surface.raster.sketch[..., 3].any()"
WHITE = "rgb(255, 255, 255)"
REOPEN = ".lm-Menu-item[data-command='robust-widgets:reopen-studio']"


def ground(page: Page) -> str:
    """The colour behind the studio."""
    return str(page.locator(".rw-tab").evaluate("tab => getComputedStyle(tab).backgroundColor"))


def left(thing: Locator) -> float:
    box = thing.bounding_box()
    assert box is not None
    return box["x"]


@pytest.fixture
def folder(lab_folder: Path, lab_page: Page) -> Path:
    """A folder below the server's, shown in the file browser."""
    below = lab_folder / "pictures"
    below.mkdir(exist_ok=True)
    Image.new("RGB", (300, 200), (200, 30, 60)).save(below / "photo.PNG")
    trace(3, 10).save(below / "fish.rwtrace")
    (below / "notes.txt").write_text("no picture")
    lab_page.evaluate("() => window.jupyterapp.commands.execute('filebrowser:go-to-path', {path: 'pictures'})")
    lab_page.locator(".jp-DirListing-item:has-text('notes.txt')").wait_for()
    return below


@pytest.fixture
def settings(lab_folder: Path) -> Iterator[Callable[..., None]]:
    """Sets settings of the studio's, as the settings editor does; a page reads them when it is loaded."""
    file = lab_folder / ".settings" / "robust-widgets" / "studio.jupyterlab-settings"

    def change(**given: object) -> None:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(given))

    yield change
    file.unlink(missing_ok=True)


@pytest.fixture
def other_device(settings: Callable[..., None]) -> None:
    settings(device="cuda:99")


def test_a_card_opens_a_studio_that_outlives_a_reload_and_its_kernel(
    lab_page: Page, lab_address: str, folder: Path, settings: Callable[..., None]
) -> None:
    page, before = lab_page, len(kernels(lab_address))
    page.locator(".jp-Launcher-cwd:has-text('pictures')").wait_for()
    card = page.locator(".jp-LauncherCard:has-text('Robust Studio')")
    box = card.bounding_box()
    assert box is not None and box["y"] + box["height"] < 800, "seen without scrolling"
    assert card.locator("img").evaluate("image => image.naturalWidth") > 0
    card.click()
    tab = StudioTab(page)
    until(page, lambda: not tab.notice.count())
    assert current_title(page) == "Robust Studio"
    page.evaluate("() => window.jupyterapp.commands.execute('robust-widgets:run-history')")
    assert tab.notice.inner_text().startswith("There are no runs yet") and tab.notice.get_attribute("role") == "status"
    tab.shot("studio-tab-no-runs")
    tab.notice.get_by_role("button", name="OK").click()
    assert not tab.notice.count() and page.locator(".rw-tab").count() == 1
    assert Path(tab.python("import os; print(os.getcwd())").strip()) == folder
    assert page.locator(".jp-Toolbar-kernelName:visible").inner_text().startswith("Python 3")
    tab.studio.blob("orange")
    until(page, lambda: tab.value(PAINTED) == "True")
    known = tab.value("studio.model_id")
    until(page, lambda: page.locator(".rw-status").inner_text() == "photos · cpu")
    assert tab.value("studio.runner.frames_per_second") == "20"

    dark = "() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    page.evaluate(dark)
    until(page, lambda: ground(page) != WHITE)
    page.evaluate("() => window.jupyterapp.commands.execute('settingeditor:open', {query: 'Robust Studio'})")
    number = page.locator("input[id$='framesPerSecond']")
    number.fill("7")
    number.blur()
    to_studio = page.locator(".lm-TabBar-tab:has-text('Robust Studio')").first
    to_studio.click()
    until(page, lambda: tab.value("studio.runner.frames_per_second") == "7")
    page.locator(".lm-TabBar-tab:has-text('Settings') .lm-TabBar-tabCloseIcon").click()
    to_studio.click()

    settings(framesPerSecond=5, themeColors=False)
    page.reload()
    to_studio.click(timeout=WAIT)  # JupyterLab may not have noted yet that it was in front
    page.wait_for_selector(".rw-tab .rw-pad-surface", timeout=WAIT)
    tab.ready()
    assert tab.value("studio.model_id") == known, "the same studio of the same kernel"
    until(page, lambda: tab.studio.shown(0.5, 0.5) != (255, 255, 255))
    assert tab.value("studio.runner.frames_per_second") == "5"
    assert ground(page) == WHITE, "light, as was set, in a dark JupyterLab"
    tab.shot("studio-tab-light-in-dark")
    page.evaluate(dark.replace("Dark", "Light"))

    tab.value("studio.controls['sketch_to_image'].set({'steps': 300})")
    page.locator(".rw-tab button.rw-run").click()
    page.wait_for_selector(".rw-tab .rw-view[data-state='running']", timeout=WAIT)
    tab.kill()
    page.wait_for_selector(".rw-tab-notice[role='alert']:visible", timeout=WAIT)
    tab.revived()
    tab.ready()
    tab.shot("studio-tab-after-death")
    assert tab.value("studio.model_id") != known and tab.value(PAINTED) == "True"

    tab.end()
    restart = tab.notice.get_by_role("button", name="Restart the kernel")
    restart.wait_for(timeout=WAIT)
    assert "Your painting is kept" in tab.notice.inner_text()
    tab.shot("studio-tab-dead")
    restart.click()
    page.locator(".rw-tab-notice:visible").wait_for(state="hidden", timeout=WAIT)
    tab.ready()
    assert tab.value(PAINTED) == "True"

    tab.close()
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    assert tab.value(PAINTED) == "True", "nothing is lost by a click on the cross"
    tab.close()
    tab.shot("studio-tab-closing")
    assert "not saved" in page.locator(".jp-Dialog-body").inner_text()
    page.locator(".jp-Dialog").get_by_role("button", name="Close and end its kernel").click()
    wait_for_kernels(page, lab_address, before)
    assert not page.locator(".rw-tab").count()

    page.locator(".lm-MenuBar-item:has-text('File')").click()
    page.locator(f"{REOPEN}:visible").click()
    page.wait_for_selector(".rw-tab .rw-pad-surface", timeout=WAIT)
    tab.ready()
    assert tab.value(PAINTED) == "True", "the painting of the closed studio"
    page.locator(".lm-MenuBar-item:has-text('File')").click()
    page.locator(".lm-Menu-item:has-text('Save All'):visible").wait_for()
    assert not page.locator(f"{REOPEN}:visible").count(), "there is no other one"
    page.keyboard.press("Escape")
    tab.close()
    page.locator(".jp-Dialog").get_by_role("button", name="Close and end its kernel").click()
    wait_for_kernels(page, lab_address, before)


def test_a_run_is_asked_for_while_the_model_loads(lab_page: Page, lab_address: str) -> None:
    page, before = lab_page, len(kernels(lab_address))
    page.locator(".jp-LauncherCard:has-text('Robust Studio')").click()
    page.wait_for_selector(".rw-tab .rw-pad-surface", timeout=WAIT)
    page.locator(".rw-tab button:has-text('Generate')").click()
    page.locator(".rw-tab button.rw-run").click()
    page.wait_for_selector(".rw-tab .rw-view[data-state='done']", timeout=WAIT)
    tab = StudioTab(page)
    assert tab.value("(studio.trace.task, len(studio.trace), studio.status.text)") == "('generate', 61, '')"

    # At each width nothing is cut off, and what is left is on both sides.
    for width, beside in ((1280, False), (1600, True), (1920, True)):
        page.set_viewport_size({"width": width, "height": 900})
        curves, frame = page.locator(".rw-tab .rw-view-tabbed"), page.locator(".rw-tab .rw-view-frame")
        until(page, lambda curves=curves, frame=frame, beside=beside: (left(curves) > left(frame)) is beside)
        room, used = page.locator(".rw-tab").bounding_box(), page.locator(".rw-tab .rw-studio").bounding_box()
        assert room is not None and used is not None
        margins = used["x"] - room["x"], room["x"] + room["width"] - used["x"] - used["width"]
        assert abs(margins[0] - margins[1]) < 2 and 0 < margins[0] < 100, width
        assert page.locator(".rw-tab").evaluate("tab => tab.scrollWidth <= tab.clientWidth"), width
        if beside:  # what one paints with and looks at is in sight without scrolling
            for part in (".rw-pad-surface", "button:has-text('Run')", ".rw-view-frame"):
                box = page.locator(f".rw-tab {part}").first.bounding_box()
                assert box is not None and box["y"] >= room["y"], (width, part)
                assert box["y"] + box["height"] <= room["y"] + room["height"], (width, part)
        tab.shot(f"studio-tab-{width}")
    tab.close()
    page.locator(".jp-Dialog").get_by_role("button", name="Close and end its kernel").click()
    wait_for_kernels(page, lab_address, before)


def test_pictures_and_runs_are_opened_from_the_file_browser(
    other_device: None, lab_page: Page, lab_address: str, folder: Path
) -> None:
    page, before = lab_page, len(kernels(lab_address))
    entry = page.locator(".lm-Menu-item:has-text('Open in Robust Studio'):visible")
    page.locator(".jp-DirListing-item:has-text('notes.txt')").click(button="right")
    page.locator(".lm-Menu-item:has-text('Rename'):visible").wait_for()
    assert not entry.count()
    page.keyboard.press("Escape")

    page.locator(".jp-DirListing-item:has-text('photo.PNG')").click()
    page.locator(".jp-DirListing-item:has-text('fish.rwtrace')").click(modifiers=["Control"])
    page.locator(".jp-DirListing-item:has-text('fish.rwtrace')").click(button="right")
    entry.click()
    for name in ("photo.PNG", "fish.rwtrace"):
        page.locator(f".lm-TabBar-tab:has-text('Robust Studio: {name}')").click()
        until(page, lambda name=name: current_title(page) == f"Robust Studio: {name}")
        tab = StudioTab(page)
        assert "cuda:99" in tab.value("studio.status.text"), "the device that is set, which is not there"
        if name == "photo.PNG":
            assert json.loads(tab.value("studio.surface.raster.image[9, 9].tolist()")) == [200, 30, 60]
        else:
            assert tab.value("[trace.target for trace in studio.traces]") == "['goldfish']"
            page.evaluate("() => window.jupyterapp.commands.execute('filebrowser:activate')")
            page.evaluate("() => window.jupyterapp.commands.execute('robust-widgets:run-history')")
            focused = page.locator(".rw-view-run:focus")
            assert (focused.get_attribute("aria-label") or "").startswith("run 1: goldfish") and not tab.notice.count()
            tab.shot("studio-tab-history")
    assert len(kernels(lab_address)) == before + 2, "each studio has a kernel of its own"
    for _ in range(2):
        StudioTab(page).close()
        page.wait_for_timeout(200)
    wait_for_kernels(page, lab_address, before)


def test_menu_palette_and_shortcut_lead_to_a_studio(lab_page: Page) -> None:
    page = lab_page
    bound = "window.jupyterapp.commands.keyBindings.find(one => one.command === 'robust-widgets:open-studio')"
    assert page.evaluate(f"() => {bound}.keys") == ["Alt Shift P"]
    page.locator(".lm-MenuBar-item:has-text('File')").click()
    page.locator(".lm-Menu-item[data-type='submenu']:has-text('New'):visible").first.hover()
    page.locator(".lm-Menu-item[data-command='robust-widgets:open-studio']:visible").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:activate-command-palette')")
    page.locator(".lm-CommandPalette-input").fill("robust studio")
    page.locator(".lm-CommandPalette-item:has-text('Robust Studio: new'):visible").wait_for()
    for words in ("run history", "open the course"):
        page.locator(f".lm-CommandPalette-item:has-text('Robust Studio: {words}'):visible").wait_for()
    # Nothing is selected that a studio could open.
    assert not page.locator(".lm-CommandPalette-item:has-text('open the selected picture or run')").count()


def test_the_course_is_copied_once_and_never_overwritten(lab_page: Page, lab_folder: Path) -> None:
    page, copy = lab_page, lab_folder / "robust-widgets-course" / "index.ipynb"
    command = "() => window.jupyterapp.commands.execute('robust-widgets:open-course')"
    page.evaluate(command)
    until(page, lambda: current_title(page) == copy.name)
    ours = nbformat.read(INDEX, as_version=4)
    assert [cell.source for cell in nbformat.read(copy, as_version=4).cells] == [cell.source for cell in ours.cells]
    course = INDEX.parent
    files = [*course.glob("*.ipynb"), *course.glob("solutions/*.md")]
    assert all((copy.parent / file.relative_to(course)).is_file() for file in files)
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel", timeout=WAIT)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")

    ours.cells[0].source = "# Mine"
    nbformat.write(ours, copy)
    page.evaluate(command)
    until(page, lambda: current_title(page) == copy.name)
    assert nbformat.read(copy, as_version=4).cells[0].source == "# Mine"
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel", timeout=WAIT)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
