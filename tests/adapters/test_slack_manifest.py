"""The manifest asks for just the scopes that the adapter's calls need."""

import ast
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import spikewatch.adapters.slack as adapter

ROOT = Path(__file__).parents[2]

NEEDS = {
    "apps_connections_open": set(),
    "auth_test": set(),
    "blocks_validate": set(),
    "chat_postMessage": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "chat_update": {"chat:write"},
    "chat_delete": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_list": {"channels:read", "groups:read"},
    "conversations_replies": {"channels:history", "groups:history"},
    "files_delete": {"files:write"},
    "files_info": {"files:read"},
    "files_upload_v2": {"files:write"},
    "users_conversations": {"channels:read", "groups:read"},
    "usergroups_users_list": {"usergroups:read"},
}
"""What Slack's reference says that each method needs for channels, public and private; an app token opens connections."""

PREFIXES = ("api_", "apps_", "auth_", "blocks_", "chat_", "conversations_", "files_", "usergroups_", "users_")


def methods_called() -> set[str]:
    """Every method of the Web API that the adapter calls by name."""
    folder = Path(str(adapter.__file__)).parent
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in folder.glob("*.py")]
    calls = [node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    return {name for name in names if name.startswith(PREFIXES)}


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict[str, object]]:
    return YAML(typ="safe").load((ROOT / "config" / "slack-manifest.yaml").read_text(encoding="utf-8"))


def test_the_manifest_asks_for_the_scopes_that_the_adapter_uses_and_no_more(
    manifest: dict[str, dict[str, dict[str, list[str]]]],
) -> None:
    needed = set[str]().union(*(NEEDS[method] for method in methods_called()))

    assert sorted(manifest["oauth_config"]["scopes"]["bot"]) == sorted(needed)


def test_presses_arrive_by_socket_mode_and_tokens_stay_as_they_are(
    manifest: dict[str, dict[str, object]],
) -> None:
    settings = manifest["settings"]

    assert settings["interactivity"] == {"is_enabled": True}
    assert (settings["socket_mode_enabled"], settings["token_rotation_enabled"]) == (True, False)


def test_every_scope_is_explained() -> None:
    text = (ROOT / "config" / "slack-manifest.yaml").read_text(encoding="utf-8")

    scopes = [line for line in text.splitlines() if line.lstrip().startswith("- ")]

    assert scopes
    assert all(" # " in line for line in scopes)
