"""The vendor's clients, made in one way: one attempt a call, silent about what it sends, and direct on this machine."""

import logging
from logging import Logger
from typing import TypeVar
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from spikewatch.adapters.slack.settings import is_loopback

quiet = logging.getLogger("spikewatch.adapters.slack.vendor")
# The vendor's debug lines hold whole messages, and addresses that are secrets.
quiet.setLevel(logging.WARNING)

_Client = TypeVar("_Client", WebClient, WebhookClient)


def web_client(*, url: str, timeout_s: int, token: str | None = None, logger: Logger = quiet) -> WebClient:
    """Return a client of the Web API at an address."""
    made = WebClient(token=token, base_url=url, timeout=timeout_s, retry_handlers=[], logger=logger)
    return _direct(made, url)


def answering(address: str, *, timeout_s: int) -> WebhookClient:
    """Return a client that answers a press; its address is a secret."""
    return _direct(WebhookClient(address, timeout=timeout_s, retry_handlers=[], logger=quiet), address)


def _direct(client: _Client, address: str) -> _Client:
    """Return the client; one of this machine speaks directly.

    The vendor honours a proxy from the environment even for this machine and cannot be told not to; a server named as its
    own proxy is spoken to directly.
    """
    if is_loopback(address):
        client.proxy = f"http://{urlsplit(address).netloc}"
    return client
