"""Webhooks, Alertmanagers and mail servers: whether they can be reached. Nothing is sent; `notify test` does that."""

from collections.abc import Iterator
from typing import TypeAlias, assert_never

from spikewatch.adapters.alertmanager.settings import AlertmanagerSettings
from spikewatch.adapters.mail.settings import Encryption, MailSettings
from spikewatch.adapters.reaching import reach
from spikewatch.adapters.webhook.settings import WebhookSettings
from spikewatch.app.doctor.findings import Finding, Part
from spikewatch.app.doctor.scene import Scene
from spikewatch.config import Config
from spikewatch.config.sections import environment_word
from spikewatch.ports import Unavailable

Receiver: TypeAlias = WebhookSettings | AlertmanagerSettings | MailSettings


def receiver_findings(scene: Scene, settings: Receiver) -> Iterator[Finding]:
    """Yield whether a receiver can be reached."""
    part = Part(f"receiver {settings.name}")
    address = _address(scene.config, settings)
    if address is None:
        variable = f"SPIKEWATCH_{environment_word(settings.name)}_URL"
        yield part.fail("address", "is not set", remedy=f"set {variable} in the environment, or url_file")
        return
    try:
        reached = reach(address, timeout_s=scene.answer_within_s)
    except Unavailable as error:
        yield part.failed("reach", error, remedy="check the address, and the network")
        return
    by = f" by way of the proxy {reached.proxy}" if reached.proxy else ""
    test = f"spikewatch notify test --config {scene.path}"
    yield part.ok("reach", f"{reached.host}:{reached.port} can be reached{by}; {test} sends it a sample")


def _address(config: Config, settings: Receiver) -> str | None:
    match settings:
        case WebhookSettings():
            url = config.secret(f"receivers.{settings.name}.url") or settings.url
            return None if url is None else url.get_secret_value()
        case AlertmanagerSettings():
            return settings.url
        case MailSettings():
            scheme = "smtps" if settings.encryption is Encryption.TLS else "smtp"
            return f"{scheme}://{settings.host}:{settings.port_used}"
        case never:
            assert_never(never)
