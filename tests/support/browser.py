"""Browser: a headless Chromium, driven as a person would: typing, clicking, reading.

It is driven by its own protocol over a WebSocket, so that no driver has to be installed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_SECONDS = 30
#: Windows keeps none of these; they keep a headless browser quiet and independent of the machine.
_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking", "--mute-audio"),
    *("--disable-sync", "--no-proxy-server", "--hide-scrollbars", "--disable-dev-shm-usage"),
)


class Browser:
    """One page of a browser.

    Attributes:
        requested: URLs of all requests since the last :meth:`visit`.
        problems: Messages of the console that are errors, such as violations of a policy.
    """

    def __init__(self, address: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._loaded = threading.Event()
        self.requested: list[str] = []
        self.problems: list[str] = []
        self._run(self._connect(address))
        for domain in ("Page", "Runtime", "Network", "Log", "DOM", "Accessibility"):
            self.call(f"{domain}.enable")

    def visit(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self.requested.clear()
        self._loaded.clear()
        self.call("Page.navigate", url=url)
        assert self._loaded.wait(_SECONDS), f"{url} does not load"

    def evaluate(self, code: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def text(self, selector: str = "main") -> str:
        """Return the text that a person reads in an element; empty if there is none."""
        quoted = json.dumps(selector)
        return self.evaluate(f"document.querySelector({quoted})?.innerText ?? ''")

    def click(self, selector: str, *, loads: bool = False) -> None:
        """Click an element with the mouse; wait for the page that it loads."""
        quoted = json.dumps(selector)
        x, y = self.evaluate(
            f"""(() => {{
                const element = document.querySelector({quoted});
                element.scrollIntoView({{block: "center"}});
                const box = element.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        self._loaded.clear()
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        if loads:
            assert self._loaded.wait(_SECONDS), f"{selector} loads nothing"

    def point(self, selector: str) -> None:
        """Move the mouse to an element."""
        quoted = json.dumps(selector)
        x, y = self.evaluate(
            f"""(() => {{
                const element = document.querySelector({quoted});
                element.scrollIntoView({{block: "center", inline: "center"}});
                const box = element.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, *, loads: bool = False) -> None:
        """Press a key: ``Tab``, ``Enter``, or ``Space``."""
        codes = {"Tab": (9, ""), "Enter": (13, "\r"), "Space": (32, " ")}
        code, text = codes[key]
        self._loaded.clear()
        self.call(
            "Input.dispatchKeyEvent",
            type="keyDown" if text else "rawKeyDown",
            key=key if key != "Space" else " ",
            windowsVirtualKeyCode=code,
            **({"text": text} if text else {}),
        )
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)
        if loads:
            assert self._loaded.wait(_SECONDS), f"{key} loads nothing"

    def wait_for(self, code: str) -> None:
        """Wait until an expression in the page is true."""
        waiting = f"""new Promise((resolve, reject) => {{
            const end = Date.now() + {_SECONDS * 1000};
            (function look() {{
                if ({code}) resolve(true);
                else if (Date.now() > end) reject(new Error("it did not happen"));
                else setTimeout(look, 20);
            }})();
        }})"""
        assert self.evaluate(waiting)

    def resize(self, width: int, height: int = 900, *, phone: bool = False) -> None:
        """Give the window another size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )

    def prefer(self, scheme: str) -> None:
        """Prefer ``light`` or ``dark``."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def allow_scripts(self, allowed: bool) -> None:
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def accessible(self) -> list[tuple[str, str]]:
        """Return role and name of all that a screen reader sees."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node.get("ignored")
        ]

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(data["data"]))

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command of the browser's protocol and return its result."""
        return self._run(self._call(method, parameters))

    def close(self) -> None:
        self._run(self._disconnect())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS * 2)

    async def _connect(self, address: str) -> None:
        import aiohttp

        self._session = aiohttp.ClientSession()
        async with self._session.put(f"{address}/json/new?about:blank") as answer:
            page = await answer.json()
        self._socket = await self._session.ws_connect(
            page["webSocketDebuggerUrl"], max_msg_size=1 << 28
        )
        self._reader = asyncio.ensure_future(self._read())

    async def _disconnect(self) -> None:
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        await self._socket.close()
        await self._session.close()

    async def _call(self, method: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        number = self._number
        self._answers[number] = self._loop.create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await self._answers[number]
        del self._answers[number]
        assert "error" not in answer, answer
        return answer["result"]

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._answers[data["id"]].set_result(data)
            else:
                self._note(data["method"], data["params"])

    def _note(self, method: str, event: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Network.requestWillBeSent":
            self.requested.append(event["request"]["url"])
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            if "status of 4" not in event["entry"]["text"]:  # a page that says why not
                self.problems.append(event["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(event["exceptionDetails"]))


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium with a profile of its own."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [CHROMIUM, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": profile, "LANG": "C.UTF-8"},
        )
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if "DevTools listening on ws://" in line:
                    host = line.split("ws://")[1].split("/")[0]
                    break
            else:
                raise AssertionError("Chromium does not start")
            drain = threading.Thread(target=process.stderr.read, daemon=True)
            drain.start()
            browser = Browser(f"http://{host}")
            try:
                yield browser
            finally:
                browser.close()
        finally:
            process.terminate()
            process.wait(20)
            drain.join(5)
            process.stderr.close()
