"""A message as a mail: text and HTML, the picture inside, and the headers by which a mailbox threads an incident."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import unescape

from spikewatch.adapters.mail.readable import as_html, as_text
from spikewatch.core.wording import Message, Picture
from spikewatch.core.wording.untrusted import clip, harmless

SUBJECT_LIMIT = 150

_TAGS = re.compile(r"(?:\[[^\]]+\] |【[^】]+】)+")
"""What a marked message begins with: `[test] `."""


@dataclass(frozen=True, slots=True)
class Thread:
    """The first mail of an incident: its id and its subject, which every later one shares."""

    identity: str
    subject: str

    @classmethod
    def read(cls, text: str) -> "Thread":
        """Return what a receipt holds."""
        identity, _, subject = text.partition(" ")
        return cls(identity, subject)

    def __str__(self) -> str:
        """Return it as a receipt holds it."""
        return f"{self.identity} {self.subject}"


def identity_of(key: str, *, sender: str) -> str:
    """Return the Message-ID of a delivery: the same whenever it is sent, so that a mailbox shows it once."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    return f"<spikewatch.{digest}@{sender.rpartition('@')[2]}>"


def subject_of(message: Message) -> str:
    """Return the subject: what the message is headed with, else the beginning of its text; a test says so first."""
    heads = [block for block in message.blocks if block.get("type") == "header"]
    head = heads[0]["text"] if heads else None
    spoken = unescape(message.text)
    tags = _TAGS.match(spoken) if message.marks else None
    said = f"{tags[0] if tags else ''}{head['text']}" if isinstance(head, Mapping) else spoken
    return harmless(clip(said, SUBJECT_LIMIT), limit=SUBJECT_LIMIT)


def letter(
    message: Message,
    *,
    identity: str,
    sender: str,
    to: Sequence[str],
    at: datetime,
    thread: Thread | None = None,
    draw: Callable[[Picture], bytes] | None = None,
) -> EmailMessage:
    """Return the mail of a message.

    thread  the first mail of its incident; None where this is it
    draw    returns a picture as PNG; without it the mail says in words what it would show
    """
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["Message-ID"] = identity
    mail["Date"] = format_datetime(at)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = subject_of(message) if thread is None else f"Re: {thread.subject}"
    mail["Auto-Submitted"] = "auto-generated"
    if message.urgent:
        mail["Importance"] = "high"
    if thread is not None:
        mail["In-Reply-To"] = mail["References"] = thread.identity
    _fill(mail, message, draw=draw)
    return mail


def _fill(mail: EmailMessage, message: Message, *, draw: Callable[[Picture], bytes] | None) -> None:
    spoken = unescape(message.text)
    below = as_text(message.blocks)
    mail.set_content(f"{spoken}\n\n{below}\n" if below else f"{spoken}\n")
    if not message.blocks:
        return
    drawn = None if message.picture is None or draw is None else draw(message.picture)
    name = "chart@spikewatch"
    pictures = {message.picture.block: name} if message.picture is not None and drawn is not None else {}
    mail.add_alternative(as_html(message.blocks, pictures=pictures), subtype="html")
    if drawn is not None:
        html = mail.get_payload(1)
        assert isinstance(html, EmailMessage)  # noqa: S101 -- the alternative that was just added
        html.add_related(drawn, "image", "png", cid=f"<{name}>")
