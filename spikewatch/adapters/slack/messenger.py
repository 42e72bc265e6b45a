"""Messages by the Slack Web API: one attempt a call, and every failure as one of the port's few kinds.

What to do next is the outbox's business.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slack_sdk.web import SlackResponse

from spikewatch.adapters.slack.calling import Silence, attempt
from spikewatch.adapters.slack.client import web_client
from spikewatch.adapters.slack.pictures import Draw, Pictures, Wait
from spikewatch.adapters.slack.searching import EVENT_TYPE, Search
from spikewatch.adapters.slack.settings import SLACK_URL
from spikewatch.core.oncall import NOBODY
from spikewatch.core.outbox import Receipt
from spikewatch.core.wording import Message
from spikewatch.ports import Abilities, ContentRefused, MessageGone, OutcomeUnknown, PortError, Unavailable


class SlackMessenger:
    """Posts to Slack as a bot.

    token      of the bot (`xoxb-…`)
    url        of the Web API
    mention    whom an urgent post calls: `here`, `channel`, or the id of a user group or person
    timeout_s  seconds of silence after which a call is given up
    draw       returns a picture as PNG; without it a message with a picture is refused, and goes out plainer
    wait       waits so long for Slack to take a picture in, and tells whether it was stopped meanwhile
    """

    name = "slack"
    abilities = Abilities()

    def __init__(
        self,
        *,
        token: str,
        url: str = SLACK_URL,
        mention: str | None = None,
        timeout_s: int = 10,
        draw: Draw | None = None,
        wait: Wait = lambda _: True,
    ) -> None:
        """Prepare; nothing is sent yet."""
        self._client = web_client(token=token, url=url, timeout_s=timeout_s)
        self._search = Search(self._client)
        self._mention = mention
        self._pictures = None if draw is None else Pictures(self._client, draw=draw, wait=wait)
        self._files: dict[Receipt, str] = {}

    def post(self, message: Message, *, channel: str, key: str) -> Receipt:
        """Post a new message, with the key in its metadata."""
        file = self._file(message)
        try:
            receipt = self._posted(message, channel=channel, key=key, file=file)
        except MessageGone as error:
            self._discard(file)
            raise ContentRefused(str(error)) from error
        except PortError as error:
            self._discard_unshown(file, error)
            raise
        self._shows(receipt, file)
        return receipt

    def reply(self, root: Receipt, message: Message, *, key: str) -> Receipt:
        """Post a message in the thread below another; a loud one is shown in the channel as well."""
        return self._posted(message, channel=root.channel, key=key, root=root)

    def _posted(
        self,
        message: Message,
        *,
        channel: str,
        key: str,
        file: str | None = None,
        root: Receipt | None = None,
    ) -> Receipt:
        text, blocks = self._called(message, file=file)
        thread: dict[str, Any] = {}
        if root is not None:
            thread = {"thread_ts": root.message, "reply_broadcast": message.loud}

        def call() -> SlackResponse:
            return self._client.chat_postMessage(
                channel=channel,
                text=text,
                blocks=blocks,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
                parse="none",
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
                **thread,
            )

        return _receipt(attempt(call))

    def edit(self, receipt: Receipt, message: Message) -> None:
        """Replace a message in place; an unknown outcome is only a reason to do it again."""
        file = self._file(message)
        blocks = _blocks(message, file=file)

        def call() -> SlackResponse:
            return self._client.chat_update(
                channel=receipt.channel,
                ts=receipt.message,
                text=message.text,
                blocks=blocks,
                parse="none",
                link_names=False,
            )

        try:
            attempt(call)
        except PortError as error:
            self._discard_unshown(file, error)
            if not isinstance(error, OutcomeUnknown):
                raise
            raise Unavailable(
                str(error), reason="timeout" if isinstance(error, Silence) else "server"
            ) from error
        self._shows(receipt, file)

    def find(self, *, channel: str, key: str, since: datetime, root: Receipt | None = None) -> Receipt | None:
        """Look through the channel's history, or through a thread; of several copies the oldest counts.

        A history that may not be read raises ChannelRefused.
        """
        return self._search.find(channel=channel, key=key, since=since, root=root)

    def _file(self, message: Message) -> str | None:
        """Return the file of a message's picture, uploaded for it; None where it has none."""
        if message.picture is None:
            return None
        if self._pictures is None:
            raise ContentRefused("nobody draws pictures here")
        return self._pictures.upload(message.picture)

    def _shows(self, receipt: Receipt, file: str | None) -> None:
        """Remember the file that a message shows, and discard the one that it showed before."""
        before = self._files.pop(receipt, None)
        if file is not None:
            self._files[receipt] = file
        if before is not None and self._pictures is not None:
            self._pictures.discard(before)

    def _discard_unshown(self, file: str | None, error: PortError) -> None:
        """Discard the file of a message that Slack did not take; one whose outcome is unknown may be shown."""
        if not isinstance(error, OutcomeUnknown):
            self._discard(file)

    def _discard(self, file: str | None) -> None:
        if file is not None and self._pictures is not None:
            self._pictures.discard(file)

    def _called(self, message: Message, *, file: str | None) -> tuple[str, list[dict[str, Any]]]:
        """Return text and blocks with the mention where the message is urgent."""
        blocks = _blocks(message, file=file)
        whom = self._mention if message.mention is None else message.mention
        if whom is None or whom == NOBODY or not message.urgent:
            return message.text, blocks
        call = _mention(whom)
        if not blocks:
            return f"{message.text} {call}", blocks
        called: dict[str, Any] = {
            "type": "section",
            "block_id": "sw.mention",
            "text": {"type": "mrkdwn", "text": call},
        }
        return message.text, [*blocks, called]


def _blocks(message: Message, *, file: str | None) -> list[dict[str, Any]]:
    """Return the blocks; the one of the picture shows the file."""
    blocks = [dict(block) for block in message.blocks]
    for block in blocks:
        if message.picture is not None and block.get("block_id") == message.picture.block:
            block["slack_file"] = {"id": file}
    return blocks


def _receipt(answer: Mapping[str, Any]) -> Receipt:
    channel, ts = answer.get("channel"), answer.get("ts")
    if not isinstance(channel, str) or not isinstance(ts, str):
        raise OutcomeUnknown("Slack's answer names no message")
    return Receipt(channel, ts)


def _mention(who: str) -> str:
    if who in ("here", "channel"):
        return f"<!{who}>"
    return f"<!subteam^{who}>" if who.startswith("S") else f"<@{who}>"
