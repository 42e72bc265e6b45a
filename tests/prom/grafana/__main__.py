"""The dashboards against Grafana's own types, on request: `python -m tests.prom.grafana`.

Needs node and npm, and fetches Grafana's published types, so it is no test of the suite. Ends with status 3 where a
dashboard holds something that the types do not know.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from spikewatch.prom.dashboards import boards
from spikewatch.prom.monitored import Monitored

HERE = Path(__file__).parent
GENERATE = "npx ts-json-schema-generator --path root.ts --tsconfig tsconfig.json --type Root --no-type-check -o schema.json"
OF_DATA_SOURCES = ("'definition' was unexpected", "'useValueForTime'")
"""What the types leave open to data sources: how a variable is shown, and how an annotation is asked for."""


def grafana_schema() -> dict[str, Any]:
    """Return Grafana's types as one JSON schema."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "root.ts", "tsconfig.json"):
            shutil.copy(HERE / name, folder)
        for command in ("npm install --ignore-scripts --no-audit --no-fund --silent", GENERATE):
            subprocess.run(command.split(), cwd=folder, check=True, stdout=sys.stderr)
        return dict(json.loads(Path(folder, "schema.json").read_text("utf-8")))


def problems(schema: dict[str, Any]) -> Iterator[str]:
    """Yield what the types do not know, dashboard by dashboard and panel by panel."""
    for board in boards(Monitored()):
        made = json.loads(json.dumps(board.node()))
        yield from _misfits(schema, "dashboard", made, where=made["uid"])
        for panel in made["panels"]:
            where = f"{made['uid']}: {panel['title']}"
            yield from _misfits(schema, panel["type"], panel["options"], where=where)
            looks = panel["fieldConfig"]["defaults"].get("custom", {})
            yield from _misfits(schema, f"{panel['type']}-looks", looks, where=where)


def _misfits(schema: dict[str, Any], part: str, document: object, *, where: str) -> Iterator[str]:
    definitions = schema["definitions"]
    wanted = definitions["Root"]["properties"].get(part)
    if wanted is None:
        return
    for error in Draft7Validator({"definitions": definitions, **wanted}).iter_errors(document):
        if not any(known in error.message for known in OF_DATA_SOURCES):
            yield f"{where}: {'/'.join(map(str, error.absolute_path))}: {error.message}"


def main() -> int:
    """Print every problem and return the exit status."""
    found = list(problems(grafana_schema()))
    sys.stdout.writelines(f"{problem}\n" for problem in found or ["the dashboards fit Grafana's types"])
    return 3 if found else 0


if __name__ == "__main__":
    sys.exit(main())
