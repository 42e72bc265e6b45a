"""What a person chooses about Slack; nothing of the vendor is imported here, so that `check` starts at once."""

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from spikewatch.core.oncall import GroupId, PersonId, RouteSettings
from spikewatch.core.settings import Language, Settings

SLACK_URL = "https://slack.com/api/"


class SlackSettings(Settings):
    """Where messages go. The bot token comes from SPIKEWATCH_SLACK_BOT_TOKEN or from `bot_token_file`."""

    channel: Annotated[str, Field(min_length=1)]
    """Channel of every incident that has none of its own: `#support-alerts`, or an id such as C0123456789."""
    company_channel: Annotated[str | None, Field(min_length=1)] = None
    """Channel of incidents that span several services; without it they go to `channel`."""
    fallback_channel: Annotated[str | None, Field(min_length=1)] = None
    """Channel to use while the proper one refuses messages, for instance because it was archived."""
    fallback_receiver: Annotated[str | None, Field(min_length=1)] = Field(default=None, examples=["pager"])
    """Name of the receiver that stands in while Slack takes no messages. After two minutes it is told what opens, gets
    more severe and ends, marked as such, and nothing else."""
    mention: Annotated[str | None, Field(pattern=r"^(here|channel|S[A-Z0-9]+|[UW][A-Z0-9]+)$")] = None
    """Who is called when something new needs attention: `here`, `channel`, or the id of a user group or person."""
    languages: dict[str, Language] = Field(default_factory=dict)
    """Language by channel, where it differs from the top-level `language`."""
    routes: tuple[RouteSettings, ...] = Field(
        default=(),
        examples=[
            [
                {
                    "service": "payments",
                    "when": "off_hours",
                    "at_least": "critical",
                    "mention": "S0123456789",
                },
                {"service": "payments", "channel": "#payments-oncall"},
            ]
        ],
    )
    """Who is told by service, category, severity and time of day: the first that matches wins; what it does not say is as
    without routes. What a route keeps back is told once one lets it through, if it still surges then."""
    allowed_users: tuple[PersonId, ...] = Field(default=(), examples=[["U0123456789"]])
    """Ids of people who may press buttons; without this and allowed_group everybody may who sees the message."""
    allowed_group: GroupId | None = Field(default=None, examples=["S0123456789"])
    """Id of a user group whose members may press buttons; the app then needs the scope usergroups:read."""
    app_token_file: Path | None = None
    """File that holds the app token for buttons; SPIKEWATCH_SLACK_APP_TOKEN wins. Without a token there are no buttons."""
    bot_token_file: Path | None = None
    """File that holds the bot token, for those who mount secrets; the environment variable wins."""
    url: str = SLACK_URL
    """Address of the Web API; change it only to try things against `spikewatch sandbox chat`."""
    timeout_s: Annotated[int, Field(ge=1, le=10)] = 10
    """Seconds to wait for Slack to connect, and again for each part of its answer; a drain waits no longer per channel."""

    @field_validator("url")
    @classmethod
    def _keeps_the_token_secret(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
            message = f"{url!r} would send the token in the clear or nowhere; use https://, or http:// to this machine"
            raise ValueError(message)
        return url if url.endswith("/") else f"{url}/"


def is_loopback(url: str) -> bool:
    """Tell whether an address is on this machine.

    >>> is_loopback("http://127.0.0.1:8080/api/"), is_loopback(SLACK_URL)
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
