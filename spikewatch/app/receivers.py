"""The receivers beside Slack, from the configuration: who they are, and what delivers to each."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, assert_never

from spikewatch.adapters.alertmanager.messenger import AlertmanagerMessenger
from spikewatch.adapters.alertmanager.settings import AlertmanagerSettings
from spikewatch.adapters.mail.messenger import MailMessenger
from spikewatch.adapters.mail.settings import MailSettings
from spikewatch.adapters.webhook.messenger import WebhookMessenger
from spikewatch.adapters.webhook.settings import WebhookSettings
from spikewatch.app.picturing import draw, links_of
from spikewatch.config import Config
from spikewatch.delivery import Deliverer, StandIn
from spikewatch.errors import Mistake
from spikewatch.ports import Abilities, Clock, Messenger, Meter, Store
from spikewatch.relaying import Relay

AnyReceiver: TypeAlias = WebhookSettings | AlertmanagerSettings | MailSettings

_ABILITIES: Mapping[str, Abilities] = {
    "webhook": WebhookMessenger.abilities,
    "alertmanager": AlertmanagerMessenger.abilities,
    "mail": MailMessenger.abilities,
}


def relays_of(config: Config) -> tuple[Relay, ...]:
    """Return the receivers of a configuration as planning knows them."""
    stand_in = None if config.slack is None else config.slack.fallback_receiver
    return tuple(
        Relay(receiver, receiver.kind, _ABILITIES[receiver.kind], stands_in=receiver.name == stand_in)
        for receiver in config.receivers
    )


def stand_in_of(config: Config) -> StandIn | None:
    """Return who stands in for Slack; None where nobody does."""
    return next(
        (StandIn(relay.name, relay.channel, relay.follows) for relay in relays_of(config) if relay.stands_in),
        None,
    )


def deliverers_of(config: Config, *, store: Store, clock: Clock, meter: Meter) -> Sequence[Deliverer]:
    """Return what delivers to each receiver. Raises Mistake where a secret is missing."""
    return [
        Deliverer(
            store=store,
            messenger=messenger_of(config, receiver, clock=clock),
            clock=clock,
            meter=meter,
            zone=config.timezone,
            language=receiver.language or config.language,
            links=links_of(config),
        )
        for receiver in config.receivers
    ]


def messenger_of(config: Config, receiver: AnyReceiver, *, clock: Clock) -> Messenger:
    """Return what reaches a receiver; nothing is sent yet."""
    match receiver:
        case WebhookSettings():
            return _webhook(config, receiver, clock=clock)
        case AlertmanagerSettings():
            return _alertmanager(config, receiver, clock=clock)
        case MailSettings():
            return _mail(config, receiver, clock=clock)
        case _:
            assert_never(receiver)


def _webhook(config: Config, receiver: WebhookSettings, *, clock: Clock) -> Messenger:
    stated = None if receiver.url is None else receiver.url.get_secret_value()
    url = _secret(config, receiver.name, "url") or stated
    if url is None or not url.startswith(("http://", "https://")):
        raise Mistake(f"receivers.{receiver.name}: its url is missing or no address; write https://…")
    return WebhookMessenger(
        name=receiver.name,
        url=url,
        clock=clock,
        signing_secret=_secret(config, receiver.name, "signing_secret"),
        token=_secret(config, receiver.name, "token"),
        timeout_s=receiver.timeout_s,
    )


def _alertmanager(config: Config, receiver: AlertmanagerSettings, *, clock: Clock) -> Messenger:
    password = _secret(config, receiver.name, "password")
    signs_in = receiver.username is not None and password is not None
    return AlertmanagerMessenger(
        name=receiver.name,
        url=receiver.url,
        clock=clock,
        labels=receiver.labels,
        auth=(receiver.username or "", password or "") if signs_in else None,
        token=_secret(config, receiver.name, "token"),
        timeout_s=receiver.timeout_s,
    )


def _mail(config: Config, receiver: MailSettings, *, clock: Clock) -> Messenger:
    return MailMessenger(
        name=receiver.name,
        host=receiver.host,
        port=receiver.port_used,
        sender=receiver.sender,
        to=receiver.to,
        clock=clock,
        encryption=receiver.encryption,
        username=receiver.username,
        password=_secret(config, receiver.name, "password"),
        timeout_s=receiver.timeout_s,
        draw=draw,
    )


def _secret(config: Config, name: str, key: str) -> str | None:
    found = config.secret(f"receivers.{name}.{key}")
    return None if found is None else found.get_secret_value()
