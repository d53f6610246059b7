"""A studio in a tab of JupyterLab, and the JupyterLab around it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from lab import until
from playwright.sync_api import Locator, Page, TimeoutError
from studio_page import SHOTS, StudioPage

WAIT = 120_000
CURRENT = "const tab = window.jupyterapp.shell.currentWidget;"


class StudioTab:
    """The studio in the current tab; to a `StudioPage` it is what a notebook is."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.studio = StudioPage(self)  # type: ignore[arg-type]
        self.ready()

    def ready(self) -> None:
        """Wait until the studio in the current tab can be painted on."""
        self.page.wait_for_function(
            f"() => {{ {CURRENT} return !!tab.content.node.querySelector('.rw-tab .rw-view, .rw-view')"
            " && !!tab.content.node.querySelector('.rw-pad-surface'); }",
            timeout=WAIT,
        )

    @property
    def notice(self) -> Locator:
        return self.page.locator(".rw-tab-notice:visible")

    def python(self, code: str) -> str:
        """What ``code`` prints in the tab's kernel."""
        return str(
            self.page.evaluate(
                f"""async code => {{ {CURRENT}
                  const kernel = tab.content.sessionContext.session.kernel;
                  const future = kernel.requestExecute({{code, store_history: false}});
                  let text = '';
                  future.onIOPub = message => {{
                    if (message.header.msg_type === 'stream') text += message.content.text;
                    if (message.header.msg_type === 'error') text += message.content.traceback.join('\\n');
                  }};
                  await future.done;
                  return text;
                }}""",
                code,
            )
        )

    def value(self, expression: str) -> str:
        """The value of an expression of ``studio``, in the tab's kernel."""
        return self.python(
            f"from robust_widgets.jupyter.studio import open_studios; studio, = open_studios(); print({expression})"
        ).strip()

    def kill(self) -> None:
        """End the kernel's process as a crash would."""
        self.page.evaluate(
            f"""() => {{ {CURRENT}
              tab.content.sessionContext.session.kernel.requestExecute({{code: 'import os; os._exit(1)'}}); }}"""
        )

    def revived(self) -> None:
        """Wait until the kernel runs again after `kill`.

        The server restarts a kernel on its old ports. If another process took one of them in between, it gives up, and
        the studio offers to start the kernel again.
        """
        back = self.page.locator(".rw-tab-notice:has-text('Your painting is back')")
        restart = self.notice.get_by_role("button", name="Restart the kernel")
        try:
            back.or_(restart).first.wait_for(timeout=WAIT)
        except TimeoutError as error:
            raise AssertionError(f"the studio says {self.notice.all_inner_texts()}") from error
        if restart.count():
            restart.click()
            self.notice.wait_for(state="hidden", timeout=WAIT)

    def end(self) -> None:
        """End the kernel as JupyterLab's list of what runs does."""
        self.page.evaluate(
            f"""() => {{ {CURRENT}
              return window.jupyterapp.serviceManager.sessions.shutdown(tab.content.sessionContext.session.id); }}"""
        )

    def close(self) -> None:
        """Press the cross of the current tab."""
        self.page.locator(".lm-mod-current.jp-mod-current .lm-TabBar-tabCloseIcon").click()

    def shot(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=f"{SHOTS}/{name}.png")


def current_title(page: Page) -> str:
    return str(page.evaluate(f"() => {{ {CURRENT} return tab.title.label; }}"))


def kernels(address: str) -> list[Any]:
    """The kernels that the server runs."""
    return list(json.load(urllib.request.urlopen(f"{address}/api/kernels", timeout=20)))


def wait_for_kernels(page: Page, address: str, count: int) -> None:
    until(page, lambda: len(kernels(address)) == count, seconds=30)
