"""The people who press buttons in Slack: who of them may, and answers that only they see."""

from collections.abc import Collection
from datetime import datetime, timedelta
from http.client import HTTPException
from urllib.error import HTTPError, URLError

from spikewatch.adapters.slack.calling import attempt
from spikewatch.adapters.slack.client import answering, web_client
from spikewatch.core.wording.untrusted import escaped
from spikewatch.ports import Clock, ContentRefused, PortError, Unavailable

KNOWN_FOR = timedelta(minutes=10)
"""Who belongs to a group is asked again after so long."""

_OK, _TOO_MANY, _SERVER_ERROR = 200, 429, 500


class SlackAudience:
    """`ports.Audience` on Slack.

    users  ids of people who may act
    group  id of a user group whose members may act; its lookup needs the scope `usergroups:read`

    Without both, everybody may who can see the message.
    """

    def __init__(
        self,
        *,
        token: str,
        url: str,
        timeout_s: int,
        clock: Clock,
        users: Collection[str] = (),
        group: str | None = None,
    ) -> None:
        """Prepare; nothing is asked yet."""
        self._web = web_client(token=token, url=url, timeout_s=timeout_s)
        self._timeout_s = timeout_s
        self._clock = clock
        self._users = frozenset(users)
        self._group = group
        self._members: frozenset[str] = frozenset()
        self._asked_at: datetime | None = None

    def may_act(self, user: str) -> bool:
        """Tell whether a person may act on incidents; while a group cannot be looked up, its last known members may."""
        if not self._users and self._group is None:
            return True
        return user in self._users or user in self._group_members()

    def answer(self, address: str, text: str) -> None:
        """Say something to the one person who pressed; nobody else sees it."""
        client = answering(address, timeout_s=self._timeout_s)
        try:
            response = client.send(text=escaped(text), response_type="ephemeral", replace_original=False)
        except HTTPError as error:
            raise Unavailable(f"Slack answered {error.code}") from error
        except (URLError, OSError, HTTPException) as error:
            raise Unavailable(f"Slack could not be reached: {error}") from error
        except ValueError as error:
            raise ContentRefused("the address of the answer is none") from error
        if response.status_code == _TOO_MANY or response.status_code >= _SERVER_ERROR:
            raise Unavailable(f"Slack answered {response.status_code}")
        if response.status_code != _OK:
            raise ContentRefused(f"Slack takes no more answers there ({response.status_code})")

    def _group_members(self) -> frozenset[str]:
        now = self._clock.now()
        if self._group is None or (self._asked_at is not None and now - self._asked_at < KNOWN_FOR):
            return self._members
        group = self._group
        try:
            answer = attempt(lambda: self._web.usergroups_users_list(usergroup=group))
        except PortError:
            if self._asked_at is None:
                raise
            return self._members
        self._members = frozenset(str(member) for member in answer.get("users") or ())
        self._asked_at = now
        return self._members
