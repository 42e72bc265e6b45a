"""The dashboards' panels drawn with Grafana's own components in Chromium, on request: `make grafana-panels`.

A real Prometheus holds a made-up day, answers every panel's queries, and what it says is drawn as Grafana would: one
picture a dashboard. Needs node and npm, and fetches Grafana's published components (about 400 MB), so it is no test of the
suite. Ends with status 3 where a panel has no data or cannot be drawn.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Page, sync_playwright

from spikewatch.prom.dashboards import boards
from spikewatch.prom.monitored import Monitored
from tests.e2e.running import eventually, now
from tests.prom.grafana.day import DAY, day
from tests.prom.real import answers, free_port, process
from tests.servers import require

DRAWING = Path(__file__).with_name("drawing")
BUILD = (
    "node_modules/.bin/esbuild page.tsx --bundle --minify --format=iife --outfile=bundle.js --log-level=error "
    "--loader:.svg=text --loader:.woff2=empty --loader:.ttf=empty --define:global=window "
    "--define:process.env.NODE_ENV='production'"
)
STEP = timedelta(minutes=5)
CHOICES = {
    "$__rate_interval": "10m",
    "$__range": "24h",
    "$job": "spikewatch",
    "$window": "15m",
    "$category": ".+",
}
SERVICES = {"spikewatch-service": "pay"}
"""The service that is chosen on a dashboard that shows one; all elsewhere."""

REPEATED = "login"
"""The value for which a panel is drawn that Grafana would repeat for each category."""

Drawn = Mapping[str, list[Mapping[str, Any]]]


@contextmanager
def prometheus(folder: Path, *, ended: datetime) -> Iterator[str]:
    """A Prometheus that holds the day; its address."""
    history, blocks, said = folder / "day.om", folder / "blocks", folder / "prometheus.log"
    with history.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in day(ended=ended))
    promtool, program = str(require("prometheus", "promtool")), str(require("prometheus", "prometheus"))
    made = [promtool, "tsdb", "create-blocks-from", "openmetrics", "-q", str(history), str(blocks)]
    subprocess.run(made, check=True, stdout=sys.stderr)
    (folder / "prometheus.yaml").write_text("{}", "utf-8")
    url = f"http://127.0.0.1:{free_port()}"
    command = (
        program,
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={blocks}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--log.level=warn",
    )
    with process(said, *command):
        eventually(lambda: answers(f"{url}/-/ready"), why=lambda: said.read_text("utf-8"))
        yield url


def asked(url: str, query: Mapping[str, Any], *, service: str, category: str, ended: datetime) -> Any:  # noqa: ANN401 -- JSON
    """Return what Prometheus answers to a panel's query."""
    expr = query["expr"].replace("$service", service).replace("$category", category)
    for name, value in CHOICES.items():
        expr = expr.replace(name, value)
    at = ended.timestamp()
    if query["instant"]:
        path, when = "query", {"time": at}
    else:
        path, when = (
            "query_range",
            {
                "start": (ended - DAY).timestamp(),
                "end": at,
                "step": STEP.total_seconds(),
            },
        )
    answer = requests.get(f"{url}/api/v1/{path}", params={"query": expr, **when}, timeout=30)
    answer.raise_for_status()
    return {"legend": query["legendFormat"], "result": answer.json()["data"]["result"]}


def answered(url: str, board: Mapping[str, Any], *, ended: datetime) -> Drawn:
    """Return the answers to every query of a dashboard, by panel."""
    service = SERVICES.get(board["uid"], ".+")
    return {
        str(panel["id"]): [
            asked(
                url,
                target,
                service=service,
                category=REPEATED if "repeat" in panel else ".+",
                ended=ended,
            )
            for target in panel["targets"]
        ]
        for panel in board["panels"]
    }


def bundle(folder: Path) -> None:
    """Fetch Grafana's components and build the page's script."""
    for name in ("package.json", "page.tsx"):
        shutil.copy(DRAWING / name, folder)
    install = "npm install --ignore-scripts --no-audit --no-fund --silent"
    for command in (install, BUILD):
        subprocess.run(command.split(), cwd=folder, check=True, stdout=sys.stderr)


def drawn(
    page: Page, folder: Path, board: Mapping[str, Any], data: Drawn, *, ended: datetime, out: Path
) -> list[str]:
    """Draw a dashboard into a picture; return what could not be drawn."""
    span = [(ended - DAY).timestamp(), ended.timestamp()]
    facts = "".join(
        f"const {name} = {json.dumps(value)};"
        for name, value in (
            ("DASHBOARD", board),
            ("ANSWERS", data),
            ("RANGE", span),
            ("STEP", STEP.total_seconds()),
        )
    ).replace("</", "<\\/")
    file = folder / f"{board['uid']}.html"
    file.write_text(
        '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="bundle.css">'
        '<body style="margin:0;background:#111217;color:#ccccdc;font-family:sans-serif"><div id="root"></div>'
        f'<script>{facts}</script><script src="bundle.js"></script>',
        "utf-8",
    )
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(f"{board['uid']}: {error}"))
    page.goto(file.as_uri())
    page.wait_for_selector("#panels section")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    said += [f"{board['uid']}: {text}" for text in page.locator("pre.failed").all_inner_texts()]
    page.screenshot(path=out / f"{board['uid']}.png", full_page=True)
    return said


def without_data(board: Mapping[str, Any], data: Drawn) -> Iterator[str]:
    """Yield the panels for which Prometheus had nothing to say."""
    for panel in board["panels"]:
        if not any(answer["result"] for answer in data[str(panel["id"])]):
            yield f"{board['uid']}: {panel['title']}: no data"


def pictures(out: Path) -> Sequence[str]:
    """Draw every dashboard into a folder; return every problem."""
    ended = now().replace(minute=0, second=0, microsecond=0)
    chromium = require("chromium", "chromium", "chromium-browser", "google-chrome")
    out.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bundle(folder)
        url = stack.enter_context(prometheus(folder, ended=ended))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        stack.callback(browser.close)
        for made in boards(Monitored()):
            board: Any = json.loads(json.dumps(made.node()))
            data = answered(url, board, ended=ended)
            page = browser.new_page(viewport={"width": 1360, "height": 800})
            problems += [
                *without_data(board, data),
                *drawn(page, folder, board, data, ended=ended, out=out),
            ]
            page.close()
    return problems


def main() -> int:
    """Draw, print every problem and where the pictures are, and return the exit status."""
    parser = argparse.ArgumentParser(description="Draw the dashboards with Grafana's own components.")
    parser.add_argument(
        "--out", type=Path, default=Path("build/grafana"), help="folder (default: %(default)s)"
    )
    out = parser.parse_args().out
    problems = pictures(out)
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    sys.stdout.writelines(f"{picture}\n" for picture in sorted(out.glob("*.png")))
    return 3 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
