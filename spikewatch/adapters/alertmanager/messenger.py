"""`ports.Messenger` as Alertmanager's API v2: posting an alert again is how it is changed, kept alive and ended."""

import json
from datetime import datetime

from spikewatch.adapters.alertmanager.alerts import REPEATS_EVERY, alerts, severity_of
from spikewatch.core.outbox import PLAINEST, Receipt
from spikewatch.core.wording import Message
from spikewatch.ports import Abilities, Clock, MessageGone
from spikewatch.posting import post_json


class AlertmanagerMessenger:
    """Posts alerts to one Alertmanager.

    labels  that every alert has beside its own
    auth    name and password for basic authentication
    token   is sent as a bearer token
    """

    abilities = Abilities(
        replies=False, finds=False, recaps=False, plain=PLAINEST, repeats_every=REPEATS_EVERY
    )

    def __init__(
        self,
        *,
        name: str,
        url: str,
        clock: Clock,
        labels: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        token: str | None = None,
        timeout_s: int = 10,
    ) -> None:
        """Prepare; nothing is sent yet."""
        self._name = name
        self._url = f"{url.rstrip('/')}/api/v2/alerts"
        self._clock = clock
        self._labels = dict(labels or {})
        self._auth = auth
        self._token = token
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        """The configured name."""
        return self._name

    def post(self, message: Message, *, channel: str, key: str) -> Receipt:
        """Raise the alert of an incident; its labels name it, so that raising it twice is raising it once."""
        self._post(message)
        return Receipt(channel, f"{key} {severity_of(message)}")

    def edit(self, receipt: Receipt, message: Message) -> None:
        """State the alert as it is now: changed, still there, or over."""
        self._post(message, raised_as=receipt.message.rpartition(" ")[2])

    def reply(self, root: Receipt, message: Message, *, key: str) -> Receipt:
        """Raise MessageGone: an alert has no threads."""
        raise MessageGone(f"{self._name} has no threads ({root.message}, {key}, {len(message.text)})")

    def find(self, *, channel: str, key: str, since: datetime, root: Receipt | None = None) -> Receipt | None:
        """Return None: there is nothing to look for, an alert that is posted again is the same."""
        del channel, key, since, root
        return None

    def _post(self, message: Message, *, raised_as: str = "") -> None:
        found = alerts(message, raised_as=raised_as, extra=self._labels, now=self._clock.now())
        stated = [alert.document() for alert in found]
        if not stated:
            return
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        body = json.dumps(stated, ensure_ascii=False).encode()
        post_json(
            self._url, body, name=self._name, headers=headers, timeout_s=self._timeout_s, auth=self._auth
        )
