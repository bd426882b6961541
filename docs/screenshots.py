"""Take pictures of the built site in a browser, in both themes.

    python docs/screenshots.py [--browser chromium] [--pages PAGE ...] FOLDER

Needs Chromium and `make docs`. To be looked at: nothing cut off, formulas
drawn, text readable on light and dark ground.
"""

import argparse
import functools
import http.server
import subprocess
import tempfile
import threading
from pathlib import Path

SITE = Path(__file__).parent.parent / "site"
PAGES = ["", "choose/", "tricks/spans/", "tricks/task_gradients/"]
PAGES += ["zh/", "zh/tricks/similarity/", "api/losses/", "examples/"]
# Chromium's own numbers of the colour schemes that a page can ask for.
THEMES = {"light": 1, "dark": 0}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *arguments):
        pass


def shoot(browser, address, theme, size, path):
    """One picture of a page."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-sync",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                "--hide-scrollbars",
                "--virtual-time-budget=3000",
                f"--user-data-dir={profile}",
                f"--blink-settings=preferredColorScheme={THEMES[theme]}",
                f"--window-size={size}",
                f"--screenshot={path}",
                address,
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--site", type=Path, default=SITE)
    parser.add_argument("--browser", default="chromium")
    parser.add_argument("--pages", nargs="+", default=PAGES)
    parser.add_argument("--themes", nargs="+", default=list(THEMES))
    parser.add_argument("--size", default="1280,1600")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    handler = functools.partial(Quiet, directory=str(arguments.site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{server.server_port}"
        for page in arguments.pages:
            for theme in arguments.themes:
                name = page.strip("/").replace("/", "_") or "home"
                path = arguments.folder / f"{name}_{theme}.png"
                address = f"{host}/{page}"
                shoot(arguments.browser, address, theme, arguments.size, path)
                print(path)
        server.shutdown()


if __name__ == "__main__":
    main()
