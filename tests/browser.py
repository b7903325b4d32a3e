"""Drive headless Chromium over its DevTools protocol: open a file, note every request and message, press keys."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import websocket

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome")) if p), None)
_FLAGS = [
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
]
_WAIT_S = 30


class Browser:
    """One tab. Use as a context manager."""

    def __init__(self) -> None:
        assert CHROMIUM is not None
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [CHROMIUM, *_FLAGS, *root, f"--user-data-dir={self._folder.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port = self._port()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
                tab = next(t for t in json.load(answer) if t["type"] == "page")
            self._socket = websocket.create_connection(tab["webSocketDebuggerUrl"], timeout=_WAIT_S, max_size=None)
        except BaseException:
            self._process.kill()
            raise
        self._sent = 0
        self.requests: list[str] = []
        self.messages: list[str] = []
        self._loaded = False
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(_WAIT_S)
        self._folder.cleanup()

    def _port(self) -> int:
        file = Path(self._folder.name) / "DevToolsActivePort"
        end = time.monotonic() + _WAIT_S
        while time.monotonic() < end:
            if file.is_file() and "\n" in (text := file.read_text()):
                return int(text.splitlines()[0])
            time.sleep(0.02)
        raise TimeoutError("Chromium did not start")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and wait for its answer."""
        self._sent += 1
        number = self._sent
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        details = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(details["request"]["url"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.messages.append(json.dumps(details)[:500])
            case "Log.entryAdded":
                self.messages.append(details["entry"]["text"])
            case "Page.loadEventFired":
                self._loaded = True

    def open(self, path: Path, *, width: int = 1280, height: int = 900) -> None:
        """Open a file in a window of this size (CSS pixels) and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url="about:blank")
        self._settle()
        self.requests.clear()
        self.messages.clear()
        self._loaded = False
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not self._loaded:
            self._note(json.loads(self._socket.recv()))
        self._settle()

    def _settle(self) -> None:
        self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")

    def run(self, script: str) -> Any:
        """Evaluate an expression, wait for it if it is a promise, and return its value."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:800])
        return result["result"].get("value")

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
        codes = {"Tab": 9, " ": 32, "Escape": 27, "ArrowDown": 40, "ArrowRight": 39, "Enter": 13}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key],
                      text=" " if key == " " and kind == "keyDown" else "")  # fmt: skip
        self._settle()

    def hover(self, x: float, y: float) -> None:
        """Move the mouse to a point of the window."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self._settle()

    def pdf(self) -> bytes:
        """Print as the page's own style says."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def screenshot(self, *, whole: bool = False) -> bytes:
        """Take a PNG of the window, or of the whole page."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])
