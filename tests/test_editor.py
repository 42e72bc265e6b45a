"""The schema in a real language server: it completes keys with their meaning, and marks mistakes where they stand."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from spikewatch.config import schema
from tests.servers import require

pytestmark = pytest.mark.e2e

TEXT = """\
# yaml-language-server: $schema=spikewatch.schema.json
timezone: Asia/Tokyo
bucket: five minutes
detection:
  min_ticket: 5
  
"""  # noqa: W293 -- the empty line is where a key is being written


class Editor:
    """An editor with one document open, as far as the language server can tell."""

    def __init__(self, process: "subprocess.Popen[bytes]", file: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.to: IO[bytes] = process.stdin
        self.answers: IO[bytes] = process.stdout
        self.uri = file.as_uri()
        self.asked = 0

    def send(self, **message: Any) -> None:  # noqa: ANN401 -- whatever the protocol holds
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.to.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.to.flush()

    def heard(self) -> Iterator[Mapping[str, Any]]:
        """Yield what the server says; what it asks of an editor is answered with nothing."""
        while True:
            length = 0
            while (line := self.answers.readline().strip()) or not length:
                assert line, "the server has ended"
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            message = json.loads(self.answers.read(length))
            if "method" in message and "id" in message:
                items = message.get("params", {}).get("items")
                self.send(id=message["id"], result=[None] * len(items) if items else None)
            yield message

    def ask(self, method: str, params: object) -> Any:  # noqa: ANN401 -- whatever the protocol holds
        self.asked += 1
        self.send(id=self.asked, method=method, params=params)
        return next(
            each["result"] for each in self.heard() if each.get("id") == self.asked and "result" in each
        )

    def open(self, text: str) -> list[str]:
        """Open the document and return what is marked, each with its line."""
        document = {"uri": self.uri, "languageId": "yaml", "version": 1, "text": text}
        self.send(method="textDocument/didOpen", params={"textDocument": document})
        marked = next(
            each["params"]["diagnostics"]
            for each in self.heard()
            if each.get("method") == "textDocument/publishDiagnostics"
        )
        return [f"{mark['range']['start']['line'] + 1}: {mark['message']}" for mark in marked]

    def completed(self, *, line: int, column: int) -> Mapping[str, str]:
        """Return the keys that are offered at a place (from 1), with what is said of each."""
        place = {"line": line - 1, "character": column - 1}
        params = {"textDocument": {"uri": self.uri}, "position": place}
        return {
            item["label"]: str(item.get("documentation"))
            for item in self.ask("textDocument/completion", params)["items"]
        }


@contextmanager
def editor(folder: Path) -> Iterator[Editor]:
    program = require("yaml-language-server", "yaml-language-server")
    (folder / schema.NAME).write_text(schema.text(), "utf-8")
    process = subprocess.Popen(
        [str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
    )
    try:
        made = Editor(process, folder / "spikewatch.yaml")
        made.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}})
        made.send(method="initialized", params={})
        yield made
    finally:
        process.kill()
        process.communicate(timeout=5)


@pytest.mark.timeout(60)
def test_an_editor_completes_keys_and_marks_mistakes(tmp_path: Path) -> None:
    with editor(tmp_path) as made:
        marked = made.open(TEXT)
        offered = made.completed(line=6, column=3)

    assert [mark.partition(":")[0] for mark in marked] == ["3", "5"]
    assert "does not match the pattern" in marked[0]
    assert "min_ticket is not allowed" in marked[1]
    assert {"min_tickets", "min_ratio", "windows"} <= offered.keys()
    assert "tickets" in offered["min_tickets"]
