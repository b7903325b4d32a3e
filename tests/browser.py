"""Drive Debian's Chromium by Playwright: open a file, note every request and message, press keys, ask axe-core."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome")) if p), None)
_SETTLED = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))"


class Browser:
    """One tab. Use as a context manager."""

    def __init__(self) -> None:
        from playwright.sync_api import sync_playwright  # only where there is a browser

        assert CHROMIUM is not None
        self._driver = sync_playwright().start()
        try:
            self._browser = self._driver.chromium.launch(
                executable_path=CHROMIUM, args=["--hide-scrollbars"], chromium_sandbox=False
            )
        except BaseException:
            self._driver.stop()
            raise
        self.page = self._browser.new_context(accept_downloads=True).new_page()
        self._tools = self.page.context.new_cdp_session(self.page)
        self.requests: list[str] = []
        self.messages: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()
        self._driver.stop()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command of the DevTools protocol."""
        return self._tools.send(method, parameters)

    def open(self, path: Path, *, width: int = 1280, height: int = 900) -> None:
        """Open a file in a window of this size (CSS pixels) and wait until it is loaded."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.goto("about:blank")
        self.requests.clear()
        self.messages.clear()
        self.page.goto(path.resolve().as_uri(), wait_until="load")
        self.settle()

    def settle(self) -> None:
        """Wait until the page has drawn what it was told."""
        self.page.evaluate(_SETTLED)

    def run(self, script: str) -> Any:
        """Evaluate an expression, wait for it if it is a promise, and return its value."""
        return self.page.evaluate(script)

    def wait(self, condition: str) -> bool:
        """Wait until an expression holds (animations take a moment); false after five seconds."""
        return bool(
            self.run(
                "new Promise(done => { const end = Date.now() + 5000; (function look() {"
                f"if ({condition}) {{ done(true); }} else if (Date.now() > end) {{ done(false); }}"
                "else { setTimeout(look, 20); } })(); })"
            )
        )

    def press(self, key: str) -> None:
        """Press and let go of a key."""
        self.page.keyboard.press("Space" if key == " " else key)
        self.settle()

    def hover(self, x: float, y: float) -> None:
        """Move the mouse to a point of the window."""
        self.page.mouse.move(x, y)
        self.settle()

    def pdf(self) -> bytes:
        """Print as the page's own style says."""
        return self.page.pdf(prefer_css_page_size=True, print_background=True)

    def screenshot(self, *, whole: bool = False) -> bytes:
        """Take a PNG of the window, or of the whole page."""
        return self.page.screenshot(full_page=whole)

    def violations(self) -> list[str]:
        """Ask axe-core which of its rules the page breaks, and where."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [f"{v['id']} ({v['impact']}): {n['html'][:120]}" for v in found for n in v["nodes"]]
