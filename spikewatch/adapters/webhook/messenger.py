"""`ports.Messenger` as a webhook: every state of an incident is one more document; readers keep the newest revision."""

import hashlib
import hmac
import json
from datetime import datetime

from spikewatch.adapters.webhook.document import document, key_of
from spikewatch.core.outbox import PLAINEST, Receipt
from spikewatch.core.wording import Message
from spikewatch.ports import Abilities, Clock, MessageGone
from spikewatch.posting import post_json


class WebhookMessenger:
    """Posts documents to one address.

    signing_secret  signs each request, so that the reader knows who sent it, and when
    token           is sent as a bearer token
    """

    abilities = Abilities(replies=False, finds=False, recaps=False, plain=PLAINEST)

    def __init__(
        self,
        *,
        name: str,
        url: str,
        clock: Clock,
        signing_secret: str | None = None,
        token: str | None = None,
        timeout_s: int = 10,
    ) -> None:
        """Prepare; nothing is sent yet."""
        self._name = name
        self._url = url
        self._clock = clock
        self._signing_secret = signing_secret
        self._token = token
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        """The configured name."""
        return self._name

    def post(self, message: Message, *, channel: str, key: str) -> Receipt:
        """Post the first document of an incident; its key is in it, and in the header Idempotency-Key."""
        self._post(message, key=key_of(message.source, otherwise=key))
        return Receipt(channel, key)

    def edit(self, receipt: Receipt, message: Message) -> None:
        """Post what holds now; repeating it does no harm, for it has the same key."""
        self._post(message, key=key_of(message.source, otherwise=receipt.message))

    def reply(self, root: Receipt, message: Message, *, key: str) -> Receipt:
        """Raise MessageGone: a webhook has no threads."""
        raise MessageGone(f"{self._name} has no threads ({root.message}, {key}, {len(message.text)})")

    def find(self, *, channel: str, key: str, since: datetime, root: Receipt | None = None) -> Receipt | None:
        """Return None: nothing can be looked up behind a webhook."""
        del channel, key, since, root
        return None

    def _post(self, message: Message, *, key: str) -> None:
        body = json.dumps(document(message, key=key), ensure_ascii=False, allow_nan=False).encode()
        headers = {"Idempotency-Key": key}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._signing_secret is not None:
            at = int(self._clock.now().timestamp())
            headers["X-Spikewatch-Signature"] = signature(body, secret=self._signing_secret, at=at)
        post_json(self._url, body, name=self._name, headers=headers, timeout_s=self._timeout_s)


def signature(body: bytes, *, secret: str, at: int) -> str:
    """Return the signature of a request: HMAC-SHA256 over its time, a dot and its body.

    >>> signature(b"{}", secret="s", at=1)
    't=1,v1=b253639bcd705ed1cda3073f66104f16988bd40272584dea7d0d345ae93e61cc'
    """
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
