"""`ports.Messenger` as mail: nothing that was sent can be changed, so every news is one more mail of the thread."""

import logging
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage

from spikewatch.adapters.mail.letter import Thread, identity_of, letter, subject_of
from spikewatch.adapters.mail.settings import Encryption
from spikewatch.core.outbox import Receipt
from spikewatch.core.wording import Message, Picture
from spikewatch.ports import (
    Abilities,
    ChannelRefused,
    Clock,
    ContentRefused,
    CredentialsRefused,
    MessageGone,
    OutcomeUnknown,
    PortError,
    Unavailable,
)

_PICTURE = 1
"""The rung on which a picture stands in place of a chart that only Slack draws."""

_PERMANENT = 500
_NOT_FOR_THAT_NAME = frozenset({62, 64})
"""OpenSSL's codes for a certificate of another host name or address."""

log = logging.getLogger(__name__)


class MailMessenger:
    """Sends mails through one server, one connection a mail.

    username, password  to sign in with; None: without
    draw                returns a picture as PNG
    trust               whom to believe who the server is; None: the machine's authorities
    """

    abilities = Abilities(edits=False, finds=False, plain=_PICTURE)

    def __init__(
        self,
        *,
        name: str,
        host: str,
        port: int,
        sender: str,
        to: Sequence[str],
        clock: Clock,
        encryption: Encryption = Encryption.STARTTLS,
        username: str | None = None,
        password: str | None = None,
        timeout_s: int = 20,
        draw: Callable[[Picture], bytes] | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare; nothing is sent yet."""
        self._name = name
        self._host = host
        self._port = port
        self._sender = sender
        self._to = tuple(to)
        self._clock = clock
        self._encryption = encryption
        self._login = None if username is None or password is None else (username, password)
        self._timeout_s = timeout_s
        self._draw = draw
        self._trust = trust
        self._refused: Mapping[str, int] = {}

    @property
    def name(self) -> str:
        """The configured name."""
        return self._name

    def post(self, message: Message, *, channel: str, key: str) -> Receipt:
        """Send the first mail of an incident."""
        identity = identity_of(key, sender=self._sender)
        self._send(self._letter(message, identity=identity))
        return Receipt(channel, str(Thread(identity, subject_of(message))))

    def edit(self, receipt: Receipt, message: Message) -> None:
        """Raise MessageGone: a mail that was sent cannot be changed."""
        raise MessageGone(f"a mail cannot be changed ({receipt.message}, {len(message.text)})")

    def reply(self, root: Receipt, message: Message, *, key: str) -> Receipt:
        """Send one more mail into the thread of an incident."""
        thread = Thread.read(root.message)
        identity = identity_of(key, sender=self._sender)
        self._send(self._letter(message, identity=identity, thread=thread))
        return Receipt(root.channel, str(Thread(identity, thread.subject)))

    def find(self, *, channel: str, key: str, since: datetime, root: Receipt | None = None) -> Receipt | None:
        """Return None: nobody looks into a mailbox; a mail that is sent twice has the same id."""
        del channel, key, since, root
        return None

    def _letter(self, message: Message, *, identity: str, thread: Thread | None = None) -> EmailMessage:
        return letter(
            message,
            identity=identity,
            sender=self._sender,
            to=self._to,
            at=self._clock.now(),
            thread=thread,
            draw=self._draw,
        )

    def _send(self, mail: EmailMessage) -> None:
        with self._server() as server:
            try:
                refused = server.send_message(mail, from_addr=self._sender, to_addrs=self._to)
            except smtplib.SMTPException as error:
                raise _translated(error) from error
            except OSError as error:
                raise OutcomeUnknown(f"the connection to the mail server was lost: {error}") from error
        self._note_refused({address: code for address, (code, _) in refused.items()})

    def _note_refused(self, refused: Mapping[str, int]) -> None:
        """Say who alone was refused a mail that others took; nobody is sent it twice for that."""
        if refused == self._refused:
            return
        self._refused = refused
        if refused:
            log.warning("mail_partly_refused", extra={"receiver": self._name, "refused": dict(refused)})
        else:
            log.info("mail_taken_by_all", extra={"receiver": self._name})

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        server = self._connected()
        try:
            yield server
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def _connected(self) -> smtplib.SMTP:
        """Return a connection that is private and signed in, where that was chosen."""
        context = self._trust or ssl.create_default_context()
        # A name of our own, for asking what this machine is called may take long.
        us = self._sender.rpartition("@")[2]
        server: smtplib.SMTP | None = None
        try:
            if self._encryption is Encryption.TLS:
                server = smtplib.SMTP_SSL(
                    self._host, self._port, local_hostname=us, timeout=self._timeout_s, context=context
                )
            else:
                server = smtplib.SMTP(self._host, self._port, local_hostname=us, timeout=self._timeout_s)
            if self._encryption is Encryption.STARTTLS:
                server.starttls(context=context)
            if self._login is not None:
                server.login(*self._login)
        except (smtplib.SMTPException, OSError) as error:
            if server is not None:
                server.close()
            raise _unconnected(error, host=self._host) from error
        return server


def _unconnected(error: Exception, *, host: str) -> PortError:
    """Return the failure of a connection: nothing was sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unavailable(_untrusted(error, host=host), reason="connect")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return CredentialsRefused(f"the mail server refuses to sign us in ({error.smtp_code})")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return CredentialsRefused(f"the mail server lacks what was chosen: {error}")
    if isinstance(error, TimeoutError):
        return Unavailable("the mail server does not answer in time", reason="timeout")
    return Unavailable(f"the mail server could not be reached: {error}", reason="connect")


def _untrusted(error: ssl.SSLCertVerificationError, *, host: str) -> str:
    if error.verify_code in _NOT_FOR_THAT_NAME:
        said, remedy = f"is not for {host}", "check `host`; it is to be the name that the server goes by"
    else:
        said = f"cannot be trusted: {error.verify_message}"
        remedy = "name the file of a private authority in SSL_CERT_FILE, and check the clock"
    return f"the mail server's certificate {said}: {remedy}"


def _translated(error: smtplib.SMTPException) -> PortError:
    """Return what the server's answer means; a code from 500 on is for good, one below it for now."""
    match error:
        case smtplib.SMTPServerDisconnected():
            return OutcomeUnknown("the connection to the mail server was lost")
        case smtplib.SMTPRecipientsRefused():
            codes = [code for code, _ in error.recipients.values()]
            permanent = all(code >= _PERMANENT for code in codes)
            said = f"the mail server refuses every address ({', '.join(map(str, codes))})"
            return ChannelRefused(said) if permanent else Unavailable(said)
        case smtplib.SMTPSenderRefused():
            said = f"the mail server refuses the sender ({error.smtp_code})"
            return CredentialsRefused(said) if error.smtp_code >= _PERMANENT else Unavailable(said)
        case smtplib.SMTPResponseException():
            said = f"the mail server refuses the mail ({error.smtp_code})"
            return ContentRefused(said) if error.smtp_code >= _PERMANENT else Unavailable(said)
        case _:
            return OutcomeUnknown(f"the mail server's answer made no sense: {error}")
