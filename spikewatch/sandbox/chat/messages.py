"""Messages as a workspace holds, checks and shows them, with Slack's limits."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from spikewatch.sandbox.block_rules import wrong_blocks
from spikewatch.sandbox.chat.exchange import Json, Refusal, decoded, is_true

TEXT_LIMIT = 40_000

EDIT_TEXT_LIMIT = 4_000

BLOCKS_SIZE_LIMIT = 13_200

METADATA_LIMIT = 8_000

PAGE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message as the workspace holds it.

    channel  id of the channel; `channel_name` is what people call it
    ts       the message's name in its channel
    """

    channel: str
    channel_name: str
    ts: str
    text: str
    blocks: tuple[Json, ...]
    metadata: Json | None
    posted_at: datetime
    edited_at: datetime | None = None
    thread_ts: str | None = None
    """The message below which it stands; None for a message of its own."""
    broadcast: bool = False
    """Whether a reply is shown in the channel too."""


def content_of(arguments: Json, *, text_limit: int) -> tuple[str, tuple[Json, ...]]:
    """Return text and blocks as Slack checks them; raise Refusal."""
    text = str(arguments.get("text") or "")
    blocks = decoded(arguments.get("blocks")) or []
    if not text and not blocks:
        raise Refusal("no_text")
    if len(text) > text_limit:
        raise Refusal("msg_too_long")
    wrong = list(wrong_blocks(blocks))
    if wrong:
        raise Refusal("invalid_blocks", details=wrong)
    if len(json.dumps(blocks, ensure_ascii=False)) > BLOCKS_SIZE_LIMIT:
        raise Refusal("msg_blocks_too_long")
    return text, tuple(blocks)


def metadata_of(arguments: Json) -> Json | None:
    """Return the metadata, None where there is none; raise Refusal."""
    metadata = decoded(arguments.get("metadata"))
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= metadata.keys():
        raise Refusal("invalid_metadata_format")
    if len(json.dumps(metadata)) > METADATA_LIMIT:
        raise Refusal("metadata_too_large")
    return metadata


def page_of(found: Sequence[ChatMessage], arguments: Json) -> Json:
    """Return a page of messages newer than `oldest`, newest first."""
    oldest = float(arguments.get("oldest") or 0)
    newest_first = [message for message in reversed(found) if float(message.ts) > oldest]
    start = int(arguments.get("cursor") or 0)
    stop = start + min(int(arguments.get("limit") or 100), PAGE_LIMIT)
    with_metadata = is_true(arguments.get("include_all_metadata"))
    page = [wire(message, metadata=with_metadata) for message in newest_first[start:stop]]
    more = stop < len(newest_first)
    return {
        "messages": page,
        "has_more": more,
        "response_metadata": {"next_cursor": str(stop) if more else ""},
    }


def wire(message: ChatMessage, *, metadata: bool = False) -> dict[str, Any]:
    """Return a message as the Web API shows it."""
    shown: dict[str, Any] = {
        "type": "message",
        "ts": message.ts,
        "bot_id": "B0BOT",
        "text": message.text,
        "blocks": list(message.blocks),
    }
    if message.thread_ts is not None:
        shown["thread_ts"] = message.thread_ts
    if metadata and message.metadata is not None:
        shown["metadata"] = message.metadata
    if message.edited_at is not None:
        shown["edited"] = {"user": "B0BOT", "ts": f"{message.edited_at.timestamp():.6f}"}
    return shown
