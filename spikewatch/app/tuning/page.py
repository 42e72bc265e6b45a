"""What tuning came to, as one page that a browser opens from disk: no script, no asset from elsewhere."""

from collections.abc import Iterator, Sequence
from html import escape

from spikewatch.app.tuning import telling
from spikewatch.config import Config
from spikewatch.lab.tuning import Tuned

_STYLE = """\
:root { color-scheme: light dark; --line: #8886; --good: #1a7f37; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --good: #57d37a; --bad: #ff8a80; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
td code { overflow-wrap: anywhere; }
pre { border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto; }
ins { color: var(--good); text-decoration: none; }
del { color: var(--bad); text-decoration: none; }"""


def lines(tuned: Tuned, *, config: Config, diff: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the page."""
    language = '<html lang="en">'
    yield f'<!doctype html>\n{language}\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>spikewatch tune</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<main>"
    yield "<h1>Proposed settings</h1>"
    for line in telling.summary(tuned, config=config):
        yield f"<p>{escape(line)}</p>"
    if tuned.proposals:
        yield from _table(tuned)
        yield "<h2>The change</h2>"
        yield "<p>Nothing was changed. Review this, and take over what convinces you.</p>"
        yield '<pre tabindex="0" aria-label="unified diff">' + "\n".join(map(_marked, diff)) + "</pre>"
    yield "</main>\n</body>\n</html>"


def _table(tuned: Tuned) -> Iterator[str]:
    yield "<h2>Each setting, the noisiest first</h2>"
    yield "<p>Each effect comes on top of those above it.</p>"
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Setting", "Effect", "Why"))
    yield f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>"
    for proposal in tuned.proposals:
        named = f"<code>{escape(telling.setting(proposal))}</code>"
        effect, why = escape(telling.told_effect(proposal.effect)), escape(telling.why(proposal, tuned))
        yield f"<tr><td>{named}</td><td>{effect}</td><td>{why}</td></tr>"
    yield "</tbody>\n</table>"


def _marked(line: str) -> str:
    text = escape(line)
    if line.startswith("+"):
        return f"<ins>{text}</ins>"
    return f"<del>{text}</del>" if line.startswith("-") else text
