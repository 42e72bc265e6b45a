"""All checks of a visit: side by side, each part with an end, whatever the other side does."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import assert_never

from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.csv_source.settings import CsvSettings
from spikewatch.adapters.sql_source.settings import SqlSettings
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.app.doctor.beside import CHARTS, HEARTBEAT, chart_findings, heartbeat_findings
from spikewatch.app.doctor.counted import database_findings, file_findings
from spikewatch.app.doctor.daemon import PART as DAEMON
from spikewatch.app.doctor.daemon import daemon_findings
from spikewatch.app.doctor.desk import desk_findings
from spikewatch.app.doctor.findings import Finding, Part, scrubbed
from spikewatch.app.doctor.keeping import PART as STORE
from spikewatch.app.doctor.keeping import store_findings
from spikewatch.app.doctor.receivers import receiver_findings
from spikewatch.app.doctor.scene import ANSWER_WITHIN, Scene
from spikewatch.app.doctor.services import PART as SERVICES
from spikewatch.app.doctor.services import service_findings
from spikewatch.app.doctor.slack import PART as SLACK
from spikewatch.app.doctor.slack import slack_findings
from spikewatch.config import Config
from spikewatch.errors import SpikewatchError
from spikewatch.ports import Clock, PortError

TICKETS = 1000
PATIENCE_S = 40.0
"""So long all parts may take side by side; a part makes a few requests, each with a time-out of its own."""

_ALONE = 0.25
"""Share of it that the store has before them, and the section `services` behind them."""


def examine(
    config: Config,
    *,
    path: Path,
    clock: Clock | None = None,
    tickets: int = TICKETS,
    scene: Scene | None = None,
    patience_s: float = PATIENCE_S,
) -> Sequence[Finding]:
    """Return every finding, part by part in the order of the file; takes half as long again as `patience_s` at most.

    tickets  how many of the newest tickets in the store the rules are tried on
    scene    to look at instead, with another patience for single answers
    """
    scene = scene or Scene(config, path, clock or SystemClock(), tickets, ANSWER_WITHIN)
    try:
        first = _visited([(STORE, store_findings(scene))], patience_s=_ALONE * patience_s)
        visits = _visited(_parts(scene), patience_s=patience_s)
        last = _visited([(SERVICES, service_findings(scene))], patience_s=_ALONE * patience_s)
    finally:
        if scene.store is not None:
            scene.store.close()
    found = [finding for visit in (*visits, *first, *last) for finding in visit.told()]
    return list(scrubbed(found, secrets=[each.get_secret_value() for each in config.secrets.values()]))


def _parts(scene: Scene) -> Iterator[tuple[Part, Iterator[Finding]]]:
    for source in scene.config.sources:
        part = Part(f"source {source.name}")
        match source:
            case ZendeskSettings():
                yield part, desk_findings(scene, source)
            case SqlSettings():
                yield part, database_findings(scene, source)
            case CsvSettings():
                yield part, file_findings(scene, source)
            case never:
                assert_never(never)
    yield SLACK, slack_findings(scene)
    yield from (
        (Part(f"receiver {each.name}"), receiver_findings(scene, each)) for each in scene.config.receivers
    )
    yield DAEMON, daemon_findings(scene)
    yield HEARTBEAT, heartbeat_findings(scene)
    yield CHARTS, chart_findings(scene)


def _visited(parts: Iterable[tuple[Part, Iterator[Finding]]], *, patience_s: float) -> "Sequence[_Visit]":
    visits = [_Visit(part, findings) for part, findings in parts]
    for visit in visits:
        Thread(target=visit.look, name=f"doctor-{visit.part.name}", daemon=True).start()
    wait([visit.over for visit in visits], timeout=patience_s)
    return visits


@dataclass
class _Visit:
    """One part, looked at in a thread of its own; what hangs for good is left behind when the program ends."""

    part: Part
    findings: Iterator[Finding]
    found: list[Finding] = field(default_factory=list)
    is_complete: bool = False
    over: Future[None] = field(default_factory=Future)

    def look(self) -> None:
        try:
            self.found.extend(self.findings)
            self.is_complete = True
        except (PortError, SpikewatchError) as error:
            remedy = "see what the other findings say, and run it again"
            self.found.append(self.part.fail("check", str(error), remedy=remedy))
            self.is_complete = True
        finally:
            self.over.set_result(None)

    def told(self) -> Sequence[Finding]:
        """Return what was found so far, and that there should have been more."""
        if self.is_complete:
            return self.found
        if self.over.done():
            says, remedy = "the check broke off", "report what stands above"
        else:
            says, remedy = "gives no answer in time", "check the network and the address, and run it again"
        return [*self.found, self.part.fail("answer", says, remedy=remedy)]
