"""A look at a workspace: whose token it is, what it may do, and which channels it reaches. Nothing is posted or joined."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.web import SlackResponse

from spikewatch.adapters.slack.calling import attempt, pages
from spikewatch.adapters.slack.client import web_client
from spikewatch.ports import ChannelRefused, ContentRefused

_PAGE = 999
_PAGES = 10
"""Of channels that are looked through for a name; a workspace may have tens of thousands."""

_ID = re.compile(r"[CGD][A-Z0-9]{7,}")
_TYPES = "public_channel,private_channel"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose token it is; `scopes` is None where Slack does not say."""

    team: str
    bot: str
    scopes: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Room:
    """A channel as the bot sees it."""

    id: str
    name: str
    is_member: bool
    is_archived: bool


class Workspace:
    """One workspace, asked and never changed. Whatever goes wrong is raised as one of the port's failures."""

    def __init__(self, *, token: str, url: str, timeout_s: int) -> None:
        """Prepare; nothing is asked yet."""
        self._web = web_client(token=token, url=url, timeout_s=timeout_s)

    def sign_in(self) -> Standing:
        """Return whose token it is."""
        headers: dict[str, Any] = {}

        def call() -> SlackResponse:
            response = self._web.auth_test()
            headers.update({name.lower(): value for name, value in response.headers.items()})
            return response

        answer = attempt(call)
        stated = headers.get("x-oauth-scopes")
        stated = stated[0] if isinstance(stated, list) and stated else stated
        scopes = frozenset(scope.strip() for scope in str(stated).split(",")) if stated else None
        return Standing(str(answer.get("team", "")), str(answer.get("user", "")), scopes)

    def joined(self) -> Sequence[Room]:
        """Return the channels that the bot has joined."""
        return list(
            self._listed(
                lambda cursor: self._web.users_conversations(
                    types=_TYPES, exclude_archived=False, limit=_PAGE, cursor=cursor
                ),
                is_member=True,
            )
        )

    def room(self, channel: str) -> Room | None:
        """Return a channel by name or id, whether joined or not; None where the bot can see no such channel."""
        if _ID.fullmatch(channel):
            try:
                return _room(attempt(lambda: self._web.conversations_info(channel=channel))["channel"])
            except ChannelRefused:
                return None
        rooms = self._listed(
            lambda cursor: self._web.conversations_list(
                types=_TYPES, exclude_archived=False, limit=_PAGE, cursor=cursor
            )
        )
        return next((room for room in rooms if room.name == channel.removeprefix("#")), None)

    def refuses(self, blocks: Sequence[Mapping[str, object]]) -> str | None:
        """Return what Slack does not like about blocks; None where it would take them."""
        try:
            attempt(lambda: self._web.blocks_validate(blocks=[dict(block) for block in blocks]))
        except ContentRefused as error:
            return str(error)
        return None

    def may_connect(self, app_token: str) -> None:
        """Ask for an address for Socket Mode and leave it: a connection would take presses from the daemon."""
        attempt(lambda: self._web.apps_connections_open(app_token=app_token))

    def has_group(self, group: str) -> None:
        """Ask who is in a user group; raises where it cannot be looked up."""
        attempt(lambda: self._web.usergroups_users_list(usergroup=group))

    def _listed(
        self, page: Callable[[str | None], SlackResponse], *, is_member: bool | None = None
    ) -> Iterator[Room]:
        for answer in pages(page, at_most=_PAGES):
            yield from (_room(row, is_member=is_member) for row in answer.get("channels") or ())


def _room(row: Mapping[str, Any], *, is_member: bool | None = None) -> Room:
    member = bool(row.get("is_member")) if is_member is None else is_member
    return Room(str(row.get("id")), str(row.get("name")), member, bool(row.get("is_archived")))
