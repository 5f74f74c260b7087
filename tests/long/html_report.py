#!/usr/bin/env python3
"""The HTML report in a real browser: pictures of it, and what a browser says of it.

    html_report.py --binary PATH --file FILE [--file FILE ...] --out DIR [--chromium chromium] [--slices 3]

Lets BINARY write the report of each FILE into DIR and opens it in a headless Chromium, 1280 and 360
pixels wide, light and dark, and prints it. Broken, if the browser logs an error (a breach of the
page's own Content Security Policy is one), asks a network for anything, the page can be scrolled
sideways, a table does not sort up, down and back, or the page cannot be read with scripts switched
off. In DIR stay FILE.html, FILE.pdf and pictures of the first --slices screens of 2400 pixels each.
Needs Chromium; talks to it over two pipes, so nothing else.
"""

import argparse
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from outside_view import print_table, verdict

SLICE = 2400  # pixels of one picture


class Browser:
    """Chromium, spoken to in the DevTools protocol over pipes."""

    def __init__(self, program, profile):
        to_read, self.to_write = os.pipe()
        self.to_hear, to_speak = os.pipe()
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
                   f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
        # The browser reads from 3 and writes to 4.
        script = f'exec "$@" 3<&{to_read} 4>&{to_speak}'
        self.process = subprocess.Popen(["sh", "-c", script, "sh", *command], pass_fds=[to_read, to_speak],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_speak)
        self.heard, self.next, self.events = b"", 0, []

    def message(self):
        while b"\0" not in self.heard:
            more = os.read(self.to_hear, 1 << 20)
            if not more:
                raise SystemExit("the browser ended")
            self.heard += more
        message, self.heard = self.heard.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **parameters):
        self.next += 1
        request = {"id": self.next, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.to_write, data):]
        while True:
            message = self.message()
            if message.get("id") == self.next:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def wait_for(self, method, session):
        while not any(event.get("method") == method and event.get("sessionId") == session for event in self.events):
            self.events.append(self.message())

    def close(self):
        self.call("Browser.close")
        self.process.wait(timeout=30)


class View:
    """One way of looking at the page."""

    def __init__(self, browser, url, width, scheme, scripts=True):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Network", "Log", "Runtime"]:
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        if not scripts:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.call("Page.navigate", url=url)
        browser.wait_for("Page.loadEventFired", self.session)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def ask(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise SystemExit(f"{expression}: {answer['exceptionDetails']['text']}")
        return answer["result"].get("value")

    def picture(self, path, top, width, height):
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def complaints(self):
        """What the browser logged, and what it asked the network for."""
        mine = [event for event in self.browser.events if event.get("sessionId") == self.session]
        logged, asked = [], []
        for event in mine:
            method, data = event.get("method"), event.get("params", {})
            if method == "Log.entryAdded" and data["entry"]["level"] in ("error", "warning"):
                logged.append(data["entry"]["text"])
            if method == "Runtime.exceptionThrown":
                logged.append(data["exceptionDetails"]["text"])
            if method == "Runtime.consoleAPICalled":
                logged.append(str(data["args"]))
            if method == "Network.requestWillBeSent" and not data["request"]["url"].startswith(("file:", "data:")):
                asked.append(data["request"]["url"])
        return logged, asked

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)


# Every table that sorts: the texts of its first cells by a click, in the four states.
SORT = """
(() => [...document.querySelectorAll('table.rows')].map((table) => {
  const column = [...table.tHead.rows[0].cells].findIndex((head) => head.classList.contains('number'));
  if (column < 0) return null;
  const button = table.tHead.rows[0].cells[column].querySelector('button');
  const values = () => [...table.tBodies[0].rows].map((row) => {
    const cell = row.cells[column];
    return cell.dataset.value ?? cell.textContent;
  });
  const states = [[values(), button.parentElement.getAttribute('aria-sort')]];
  for (let click = 0; click < 3; click += 1) {
    button.click();
    states.push([values(), button.parentElement.getAttribute('aria-sort')]);
  }
  return states;
}).filter((states) => states))()
"""


def is_sorted(values, falling):
    numbers = [float(value) for value in values if value != ""]
    blanks_last = "" not in values[: len(numbers)]
    return blanks_last and numbers == sorted(numbers, reverse=falling)


def sorting(view):
    """What is wrong with the sorting of tables; and how many there are."""
    tables, wrong = view.ask(SORT), []
    for states in tables:
        (before, none), (falling, down), (rising, up), (after, again) = states
        if [none, down, up, again] != ["none", "descending", "ascending", "none"]:
            wrong.append(f"aria-sort is {[none, down, up, again]}")
        if not is_sorted(falling, True) or not is_sorted(rising, False) or before != after:
            wrong.append("a table is not sorted as it says")
    return wrong, len(tables)


def look(browser, url, stem, slices):
    """Looks at one page in every way; rows for the table, and what is broken."""
    table, broken = [], []
    name = os.path.basename(stem)
    for width in (1280, 360):
        for scheme in ("light", "dark"):
            view = View(browser, url, width, scheme)
            size = view.ask("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
            wrong, tables = sorting(view)
            for number in range(min(slices, -(-size[1] // SLICE))):
                height = min(SLICE, size[1] - number * SLICE)
                view.picture(f"{stem}-{width}-{scheme}-{number + 1}.png", number * SLICE, width, height)
            logged, asked = view.complaints()
            if size[0] > width:
                wrong.append(f"it is {size[0]} pixels wide")
            wrong += [f"logged: {text}" for text in logged] + [f"asked for {other}" for other in asked]
            broken += [f"{name} {width} {scheme}: {what}" for what in wrong]
            table.append([name, width, scheme, size[1], tables, len(logged), len(asked)])
            if (width, scheme) == (1280, "light"):
                pathlib.Path(f"{stem}.pdf").write_bytes(base64.b64decode(view.call(
                    "Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"]))
            view.close()
    view = View(browser, url, 1280, "light", scripts=False)
    logged, asked = view.complaints()
    # A script that is switched off is no fault of the page.
    broken += [f"{name} without scripts asked for {other}" for other in asked]
    view.close()
    return table, broken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--file", required=True, action="append", help="a crawl; can be repeated")
    parser.add_argument("--out", required=True, help="folder for pages and pictures")
    parser.add_argument("--chromium", default="chromium", help="the browser [chromium]")
    parser.add_argument("--slices", type=int, default=3, help="pictures of each view [3]")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    table, broken = [], []
    with tempfile.TemporaryDirectory(prefix="html-report-") as profile:
        browser = Browser(args.chromium, profile)
        for file in args.file:
            stem = os.path.join(os.path.abspath(args.out), os.path.splitext(os.path.basename(file))[0])
            subprocess.run([args.binary, "report", file, "--html", f"{stem}.html", "--force", "-q"], check=True)
            rows, wrong = look(browser, pathlib.Path(f"{stem}.html").as_uri(), stem, args.slices)
            table += rows
            broken += wrong
        browser.close()
    print_table(["page", "width", "scheme", "height", "tables sorted", "logged", "asked"], table)
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
