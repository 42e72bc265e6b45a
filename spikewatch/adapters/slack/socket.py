"""Presses of buttons by Socket Mode: received, kept, acknowledged, in that order, within Slack's three seconds.

The vendor's client reads the connection; when to connect, and how long to wait after a failure, is decided here, for the
vendor gives up where Slack cannot be reached at the start, and hurries without end later. Each line has a client of its
own, and one thread makes and ends them all, for a client that replaces its line may forget one that it never closes.
What is not kept is not acknowledged: the person sees a warning and presses again.
"""

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPException
from random import Random
from socket import socket
from threading import Event, Thread
from traceback import walk_tb
from typing import Any

from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.builtin.connection import Connection, ConnectionState
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from spikewatch.adapters.slack.calling import attempt
from spikewatch.adapters.slack.client import web_client
from spikewatch.adapters.slack.presses import read
from spikewatch.adapters.slack.settings import is_loopback
from spikewatch.core.acts import Act, ActKind
from spikewatch.core.settings import Language
from spikewatch.core.wording.controls import event_form
from spikewatch.errors import Fault
from spikewatch.ports import OutcomeUnknown, PortError

CHECK_S = 1.0
PING_S = 5.0
LONGEST_WAIT_S = 60.0
SPREAD = 0.2
SILENT_PINGS = 4
JOIN_S = 0.1
ASKS_WITHIN_S = 3
"""A form can be opened this long after a press."""

LOST_AFTER_S = 60.0
"""A connection that is gone for so long is lost: new messages have no buttons until it is back."""

log = logging.getLogger(__name__)
_quiet = logging.getLogger("spikewatch.adapters.slack.socket.vendor")
_quiet.setLevel(logging.CRITICAL)  # what it says holds addresses that are secrets; the state is told below


class _Line(SocketModeClient):
    """The vendor's client for a single line: it never connects by itself.

    is_leaving  Slack is about to end the line, so that another is wanted
    """

    is_leaving = False

    def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 -- the vendor's
        """Note that Slack asks for another line; the vendor would make one beside the one that we make."""
        self.is_leaving = True


class SlackSocket:
    """Keeps one connection to Slack open and hands every press to the inbox.

    token         of the app (`xapp-…`)
    bot_token     opens the form that asks for the event of an expected rise; without it nobody is asked
    language_of   of that form, by the channel of the press
    receive       keeps an act; whatever it raises leaves the press unacknowledged
    on_attempt    is told of each attempt to connect whether it worked
    on_connected  is told whenever presses begin or cease to arrive
    check_s       how often the connection is looked at
    ping_s        how often Slack is pinged; four without an answer end the connection
    """

    def __init__(
        self,
        *,
        token: str,
        url: str,
        timeout_s: int,
        receive: Callable[[Act], object],
        bot_token: str | None = None,
        language_of: Callable[[str], Language] = lambda _: Language.EN,
        on_attempt: Callable[[bool], None] = lambda _: None,
        on_connected: Callable[[bool], None] = lambda _: None,
        check_s: float = CHECK_S,
        ping_s: float = PING_S,
    ) -> None:
        """Prepare; nothing is connected yet."""
        self._token = token
        self._web = web_client(url=url, timeout_s=timeout_s, logger=_quiet)
        self._forms = (
            None
            if bot_token is None
            else web_client(token=bot_token, url=url, timeout_s=ASKS_WITHIN_S, logger=_quiet)
        )
        self._language_of = language_of
        self._receive = receive
        self._on_attempt = on_attempt
        self._on_connected = on_connected
        self._check_s = check_s
        self._ping_s = ping_s
        self._is_local = is_loopback(url)
        self._stopped = Event()
        self._dice = Random()  # noqa: S311 -- spreads retries of many installations, decides nothing
        self._line: _Line | None = None
        self._lost_for_s = LOST_AFTER_S
        self._silent_for_s = 0.0
        self._was_connected = False

    @property
    def arrives(self) -> bool:
        """Tell whether presses arrive, or did until a moment ago."""
        return self._lost_for_s < LOST_AFTER_S

    @property
    def is_connected(self) -> bool:
        """Tell whether the connection stands now."""
        line = self._line
        return line is not None and line.is_connected()

    def start(self) -> None:
        """Connect, and stay connected, in a thread of its own."""
        Thread(target=self._keep, name="slack-socket", daemon=True).start()

    def stop(self) -> None:
        """Close the connection, at once for us; what has arrived is kept or was never acknowledged."""
        self._stopped.set()

    # -- staying connected

    def _keep(self) -> None:
        failures, wait_s = 0, 0.0
        while not self._stopped.wait(wait_s):
            line = self._line
            if line is not None and line.is_connected() and not line.is_leaving:
                self._tell(connected=True)
                failures, wait_s, self._lost_for_s = 0, self._check_s, 0.0
                self._cut_silent(line)
                continue
            self._tell(connected=self.is_connected)
            worked = self._connected()
            failures = 0 if worked else failures + 1
            wait_s = 0.0 if worked else self._pause(failures)
            self._lost_for_s = 0.0 if worked or self.is_connected else self._lost_for_s + wait_s
        _end(self._line)

    def _connected(self) -> bool:
        """Try once to connect; tell whether a new line stands, which then takes the place of the old one."""
        line = None
        try:
            opened = attempt(lambda: self._web.apps_connections_open(app_token=self._token))
            line = self._made(_address(opened))
            line.connect()
            error = None if line.is_connected() else "Slack refused the connection"
        except (PortError, SlackClientError, OSError, HTTPException, ValueError) as failure:
            error = str(failure)
        if error is None:
            line, self._line, self._silent_for_s = self._line, line, 0.0
        _end(line)
        self._on_attempt(error is None)
        if error is not None and not self._stopped.is_set():
            log.info("buttons_not_connected", extra={"error": error})
        return error is None

    def _made(self, address: str) -> _Line:
        line = _Line(
            app_token=self._token,
            logger=_quiet,
            web_client=self._web,
            auto_reconnect_enabled=False,
            ping_interval=self._ping_s,
            on_error_listeners=[_let_go],
        )
        if self._is_local:
            line.proxy = None
        line.wss_uri = address
        line.socket_mode_request_listeners.append(self._on_request)
        return line

    def _cut_silent(self, line: _Line) -> None:
        """Cut a line on which Slack has never answered a ping: the vendor only notices where it once did."""
        session = line.current_session
        if session is None or session.last_ping_pong_time is not None:
            self._silent_for_s = 0.0
            return
        self._silent_for_s += self._check_s
        if self._silent_for_s > SILENT_PINGS * self._ping_s:
            self._silent_for_s = 0.0
            _cut(line)

    def _pause(self, failures: int) -> float:
        doubled: float = min(self._check_s * 2.0 ** min(failures - 1, 10), LONGEST_WAIT_S)
        return doubled * self._dice.uniform(1 - SPREAD, 1 + SPREAD)

    def _tell(self, *, connected: bool) -> None:
        if connected != self._was_connected:
            self._was_connected = connected
            self._on_connected(connected)
            log.info("buttons_connected" if connected else "buttons_lost")

    # -- one press

    def _on_request(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        act = read(request.payload, envelope=request.envelope_id) if request.type == "interactive" else None
        try:
            if act is not None:
                self._receive(act)
        except Fault as error:
            log.error("press_not_kept", extra={"error": str(error)})  # noqa: TRY400 -- the person presses again
            return
        try:
            client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        except (SlackClientError, OSError) as error:
            log.info("press_not_acknowledged", extra={"error": str(error)})
            return
        if act is not None and act.kind is ActKind.EXPECTED and act.note is None:
            self._ask_for_the_event(act, trigger=request.payload.get("trigger_id"))

    def _ask_for_the_event(self, act: Act, *, trigger: object) -> None:
        """Open a form in which the event can be named; the act stands already, so that nothing is lost without it."""
        if self._forms is None or not isinstance(trigger, str) or act.message is None:
            return
        forms, channel = self._forms, act.message[0]
        hidden = json.dumps([act.incident, *act.message, act.address, act.at.timestamp()])
        form = dict(event_form(hidden, language=self._language_of(channel)))
        try:
            attempt(lambda: forms.views_open(trigger_id=trigger, view=form))
        except PortError as error:
            log.info("event_not_asked_for", extra={"error": str(error)})


def _end(line: _Line | None) -> None:
    """Close a line and let its threads end, in a thread of its own: the vendor's look up every few seconds only."""
    if line is not None:
        Thread(
            target=_closed, args=(line, line.current_session_state), name="slack-socket-close", daemon=True
        ).start()


def _closed(line: _Line, first: ConnectionState) -> None:
    """Close a line, and wait until its threads have ended.

    first  the state that it began with: a thread that was as quick as the connection reads by that one
    """
    _cut(line)
    reader = line.current_session_runner
    reader.event.set()
    while reader.is_alive():
        # again and again, for a reader that begins just now takes the wish back
        first.terminated = line.current_session_state.terminated = True
        reader.thread.join(JOIN_S)
    line.close()


def _cut(line: _Line) -> None:
    # two threads of the vendor may close one line at the same time, and one of them stumbles over what the other did
    with suppress(AttributeError, OSError):
        line.disconnect()


def _let_go(error: Exception) -> None:
    """Close the socket of a handshake that failed: the vendor keeps it in a variable alone, and forgets it."""
    trace = error.__traceback__
    if trace is not None and trace.tb_frame.f_code is Connection.connect.__code__:
        for frame, _ in walk_tb(trace):
            forgotten = frame.f_locals.get("sock")
            if isinstance(forgotten, socket):
                forgotten.close()


def _address(opened: Mapping[str, Any]) -> str:
    address = opened.get("url")
    if not isinstance(address, str) or not address.startswith(("wss://", "ws://")):
        raise OutcomeUnknown("Slack's answer names no address to connect to")
    return address
