"""A Zendesk account: whether we are let in, as whom, how much of its limits is left, and what time it is there."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from spikewatch.adapters.memory import MemoryMeter
from spikewatch.adapters.zendesk.client import SKEW_BEARABLE
from spikewatch.adapters.zendesk.settings import Auth, ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.app.doctor.findings import Finding, Part
from spikewatch.app.doctor.mapping import mapping_findings
from spikewatch.app.doctor.scene import Scene
from spikewatch.app.sources import pace_of
from spikewatch.core.counts import Attributes
from spikewatch.ports import CredentialsRefused, Page, PortError, Position, Quota, Unavailable

ADMIN = "admin"
LOOK_BACK = timedelta(days=2)
"""So far back the newest tickets are looked for, where the store knows none yet."""

_PAGE = 100
_REMEDIES: Mapping[str, str] = {
    "timeout": "check the network, firewalls and HTTPS_PROXY, and try again",
    "rate_limited": "another program uses the limit up: find it in Admin Center under API usage, and try again later",
    "server": "look at status.zendesk.com, and try again later",
    "parse": "something between us may answer instead: check for a proxy or a login page, and url",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Tickets on which rules are tried: how many have which attributes, and where they come from."""

    tickets: Mapping[Attributes, int]
    origin: str


def desk_findings(scene: Scene, settings: ZendeskSettings) -> Iterator[Finding]:
    """Yield what there is to say of one account; the first door that stays shut ends it."""
    part, meter = Part(f"source {settings.name}"), MemoryMeter()
    secret = scene.config.secret(f"sources.{settings.name}.{settings.secret_key}")
    if secret is None:
        yield part.fail(
            "secret",
            f"{settings.secret_key} is not set",
            remedy=f"set {settings.secret_variable} in the environment, or {settings.secret_key}_file",
        )
        return
    hurried = settings.model_copy(
        update={"timeout": min(settings.timeout, scene.answer_within), "per_page": _PAGE}
    )
    source = ZendeskSource(hurried, secret=secret, clock=scene.clock, meter=meter)
    try:
        yield from _visited(scene, part, source, settings, meter)
    finally:
        source.close()


def _visited(
    scene: Scene, part: Part, source: ZendeskSource, settings: ZendeskSettings, meter: MemoryMeter
) -> Iterator[Finding]:
    try:
        role = source.role()
    except (CredentialsRefused, Unavailable) as error:
        yield _shut(part, error)
        yield from _clock(part, meter)
        return
    yield part.ok("sign-in", f"{settings.address} lets us in by {settings.auth.value}")
    yield from _strength(part, settings, role)
    yield from _clock(part, meter)
    try:
        page = source.fetch_page(Position(None, scene.clock.now() - LOOK_BACK))
    except PortError as error:
        yield part.failed("export", error, remedy=_REMEDIES.get(error.reason, _UNCLEAR))
        return
    yield part.ok("export", f"tickets can be read; {len(page.tickets)} came on a first page")
    yield from _limits(part, page, settings)
    scene.seen.update(ticket.series for ticket in page.tickets if ticket.counted)
    sample = sample_of(scene, settings, page)
    yield from mapping_findings(part, source, settings, tickets=sample.tickets, origin=sample.origin)


_UNCLEAR = "try again; if it stays, look at what the account answers with curl"


def _shut(part: Part, error: PortError) -> Finding:
    """Return why we were not let in, under the heading a person would look under."""
    if isinstance(error, CredentialsRefused):
        return part.failed("sign-in", error, remedy="check the credentials")
    check = "limit" if error.reason == "rate_limited" else "reach"
    return part.failed(check, error, remedy=_REMEDIES.get(error.reason, _UNCLEAR))


def _strength(part: Part, settings: ZendeskSettings, role: str | None) -> Iterator[Finding]:
    if role is None:
        yield part.skip("role", "the account does not say whose token this is")
    elif role != ADMIN:
        yield part.fail(
            "role",
            f"the token belongs to a user whose role is {role}; only an admin may read the ticket export",
            remedy="make the OAuth client, or the token, as an admin",
        )
    else:
        yield part.ok("role", "the token belongs to an admin")
    if settings.auth is Auth.API_TOKEN:
        yield part.warn(
            "api token",
            "it may do all that its admin may, and Zendesk ends API tokens on 2027-04-30",
            remedy="make a confidential OAuth client with scope read, and write `auth: client_credentials`",
        )


def _clock(part: Part, meter: MemoryMeter) -> Iterator[Finding]:
    match meter.of("clock_skew"):
        case [*_, {"ahead": timedelta() as ahead}]:
            yield _skew(part, ahead)


def _skew(part: Part, ahead: timedelta) -> Finding:
    if abs(ahead) <= SKEW_BEARABLE:
        return part.ok("clock", "agrees with the account's")
    side = "behind" if ahead > timedelta(0) else "ahead of"
    return part.fail(
        "clock",
        f"the clock here is {abs(ahead).total_seconds():.0f} s {side} the account's",
        remedy="let the time be set over the network (chrony or systemd-timesyncd); timedatectl shows whether it is",
    )


def _limits(part: Part, page: Page, settings: ZendeskSettings) -> Iterator[Finding]:
    pace = pace_of(settings)
    if page.quota is None and page.account is None:
        yield part.skip("limit", "the account states none")
    if page.quota is not None:
        yield _limit(
            part,
            "export limit",
            page.quota,
            spared=pace.spared(page.quota.limit),
            wanted=settings.requests_per_minute,
        )
    if page.account is not None:
        yield _limit(part, "account limit", page.account, spared=pace.spared_of_account(page.account.limit))


def _limit(part: Part, check: str, quota: Quota, *, spared: float, wanted: float = 0.0) -> Finding:
    says = f"{quota.remaining} of {quota.limit} requests a minute are left"
    if quota.remaining <= spared:
        return part.fail(
            check,
            f"{says}: other programs, or a backfill of ours, use nearly all of it",
            remedy="find them in Admin Center under Apps and integrations, API usage, and slow them down;"
            " until then polls wait, and surges are told late",
        )
    if wanted + spared > quota.limit:
        return part.warn(
            check,
            f"{says}, and requests_per_minute is {wanted:g}",
            remedy=f"lower it to {max(1.0, quota.limit - spared):g}, so that others have their share",
        )
    return part.ok(check, says)


def sample_of(scene: Scene, settings: ZendeskSettings, page: Page) -> Sample:
    """Return the newest tickets that the store knows, else those of a page."""
    stored: Mapping[Attributes, int] = {}
    if scene.store is not None:
        stored = scene.store.attributes(settings.name, newest=scene.tickets)
    if stored:
        return Sample(stored, f"of the newest {sum(stored.values())} tickets in the store")
    held = Counter(
        ticket.attributes for ticket in page.tickets if ticket.counted and ticket.attributes is not None
    )
    return Sample(held, f"of {sum(held.values())} tickets of the last two days")
