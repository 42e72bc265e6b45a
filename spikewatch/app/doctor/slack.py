"""Slack: whether the token is good, may do what is asked of it, and reaches every channel that the file names."""

from collections.abc import Iterator, Mapping, Sequence

from spikewatch.adapters.slack.examining import Room, Standing, Workspace
from spikewatch.adapters.slack.settings import SlackSettings
from spikewatch.app.doctor.findings import Finding, Part, some
from spikewatch.app.doctor.scene import Scene
from spikewatch.app.oncall import named_channels
from spikewatch.app.sample import sample_facts
from spikewatch.config import Config
from spikewatch.config.translating import nearest
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.settings import Secret
from spikewatch.core.wording import render
from spikewatch.ports import ContentRefused, CredentialsRefused, PortError

PART = Part("slack")
_REACH = "check the network, firewalls and HTTPS_PROXY, and look at slack-status.com"
_INSTALL = "add it under OAuth and Permissions of the app, install the app again, and use the token that it shows then"

_RUNGS = (0, 2, 3)
"""How plain a sample is: whole, without any picture, without a table; a picture would have to be uploaded first."""

_NOT_ASKED = ("unknown_method", "method_deprecated", "not_allowed")
"""What Slack answers where it does not check blocks."""

_WITHOUT: Mapping[str, str] = {
    "chat:write": "nothing can be posted",
    "channels:history": "a message whose outcome is unknown cannot be looked for: it may be posted twice",
    "channels:read": "channels cannot be looked up by name",
}
"""Scopes that every installation needs, and what fails without them."""

_BETTER_WITH: Mapping[str, str] = {
    "groups:history": "the same holds for private channels: a lost message cannot be looked for",
    "groups:read": "private channels cannot be looked up by name",
    "files:write": "no picture is shown where the native chart does not work",
    "files:read": "pictures cannot be waited for, so none is shown",
}


def slack_findings(scene: Scene) -> Iterator[Finding]:
    """Yield what there is to say of Slack; nothing where the configuration does not name it."""
    slack = scene.config.slack
    if slack is None:
        return
    token = scene.config.secret("slack.bot_token")
    if token is None:
        yield PART.fail(
            "token",
            "the bot token is not set",
            remedy="set SPIKEWATCH_SLACK_BOT_TOKEN in the environment, or slack.bot_token_file",
        )
        return
    workspace = Workspace(token=token.get_secret_value(), url=slack.url, timeout_s=slack.timeout_s)
    try:
        standing = workspace.sign_in()
    except PortError as error:
        yield _shut(error, token)
        return
    yield PART.ok("token", f"is good: {standing.bot} in the workspace {standing.team}")
    yield from _scopes(slack, standing)
    yield from _channels(scene.config, workspace)
    yield from _blocks(scene, workspace)
    yield from _buttons(scene, slack, workspace)


def _shut(error: PortError, token: Secret) -> Finding:
    if not isinstance(error, CredentialsRefused):
        return PART.failed("reach", error, remedy=_REACH)
    kind = token.get_secret_value().partition("-")[0]
    remedy = (
        "copy the Bot User OAuth Token from OAuth and Permissions of the app to SPIKEWATCH_SLACK_BOT_TOKEN"
    )
    if kind != "xoxb":
        return PART.fail("token", f"Slack refuses it ({error}); a bot token begins with xoxb-", remedy=remedy)
    return PART.fail("token", f"Slack refuses it: {error}", remedy=remedy)


def _scopes(slack: SlackSettings, standing: Standing) -> Iterator[Finding]:
    if standing.scopes is None:
        yield PART.skip("scopes", "Slack does not say what the token may do")
        return
    needed = dict(_WITHOUT)
    if slack.allowed_group is not None:
        needed["usergroups:read"] = "members of slack.allowed_group cannot press buttons"
    for scope in sorted(needed.keys() - standing.scopes):
        yield PART.fail("scope", f"{scope} is missing: {needed[scope]}", remedy=_INSTALL)
    for scope in sorted(_BETTER_WITH.keys() - standing.scopes):
        yield PART.warn("scope", f"{scope} is missing: {_BETTER_WITH[scope]}", remedy=_INSTALL)
    if needed.keys() | _BETTER_WITH.keys() <= standing.scopes:
        yield PART.ok("scopes", "all that is asked for")


# -- channels


def _channels(config: Config, workspace: Workspace) -> Iterator[Finding]:
    try:
        joined = workspace.joined()
        for channel, paths in named_channels(config).items():
            yield _channel(channel, paths, joined, workspace)
    except PortError as error:
        yield PART.failed(
            "channel", error, remedy="give the token channels:read and groups:read, or try again"
        )


def _channel(channel: str, paths: Sequence[str], joined: Sequence[Room], workspace: Workspace) -> Finding:
    says = f"{channel} ({some(paths, most=2)})"
    wanted = channel.removeprefix("#")
    room = next((room for room in joined if wanted in (room.name, room.id)), None) or workspace.room(channel)
    if room is None:
        near = nearest(wanted, [each.name for each in joined])
        hint = f"did you mean #{near}? Or it" if near else "it"
        return PART.fail(
            "channel",
            f"{says} is not seen by the bot",
            remedy=f"check the name; {hint} is private: write /invite @spikewatch there",
        )
    if room.is_archived:
        return PART.fail("channel", f"{says} is archived", remedy="name another, or bring it back")
    if not room.is_member:
        return PART.fail(
            "channel", f"{says}: the bot is no member", remedy="write there: /invite @spikewatch"
        )
    return PART.ok("channel", f"{says}: the bot is a member")


# -- messages


def _blocks(scene: Scene, workspace: Workspace) -> Iterator[Finding]:
    """Yield whether Slack would take a message as it is, or which part it leaves out; nothing is posted."""
    at = scene.clock.now()
    notice = Notice("SW-0:1:sample", "SW-0", Reason.OPENED, at, sample_facts("SW-0", at=at))
    language, zone = scene.config.language, scene.config.timezone
    refusals = []
    try:
        for rung in _RUNGS:
            message = render(notice, language=language, zone=zone, plain=rung, controls=True)
            refused = workspace.refuses(message.blocks)
            if refused is None:
                break
            refusals.append(refused)
    except PortError as error:
        yield PART.skip("messages", f"Slack does not say whether it takes our blocks: {error}")
        return
    if not refusals:
        yield PART.ok("messages", "a sample with its chart and buttons would be taken")
    elif refusals[0].startswith(_NOT_ASKED):
        yield PART.skip("messages", f"Slack does not say whether it takes our blocks: {refusals[0]}")
    elif len(refusals) == len(_RUNGS):
        yield PART.fail(
            "messages", f"Slack takes none of our blocks: {refusals[-1]}", remedy="report it with this line"
        )
    else:
        yield PART.warn(
            "messages",
            f"Slack refuses the chart in this workspace ({refusals[0]})",
            remedy="nothing has to be done: messages go out with a picture, which needs files:write, or without",
        )


# -- buttons


def _buttons(scene: Scene, slack: SlackSettings, workspace: Workspace) -> Iterator[Finding]:
    app = scene.config.secret("slack.app_token")
    if app is None:
        yield PART.ok("buttons", "none: without SPIKEWATCH_SLACK_APP_TOKEN messages have no buttons")
        return
    try:
        workspace.may_connect(app.get_secret_value())
    except CredentialsRefused as error:
        yield PART.fail(
            "buttons",
            f"Slack refuses the app token: {error}",
            remedy="make an app-level token (xapp-) with connections:write under Basic Information of the app",
        )
    except ContentRefused as error:
        yield PART.fail("buttons", f"Socket Mode is off: {error}", remedy="turn on Socket Mode of the app")
    except PortError as error:
        yield PART.failed("buttons", error, remedy=_REACH)
    else:
        yield PART.ok("buttons", "the app token opens Socket Mode; no connection was made")
    if slack.allowed_group is not None:
        yield from _group(slack.allowed_group, workspace)


def _group(group: str, workspace: Workspace) -> Iterator[Finding]:
    try:
        workspace.has_group(group)
    except PortError as error:
        yield PART.fail(
            "group",
            f"{group} (slack.allowed_group) cannot be looked up: {error}",
            remedy="check the id of the user group, and give the token usergroups:read",
        )
        return
    yield PART.ok("group", f"{group} may press buttons")
