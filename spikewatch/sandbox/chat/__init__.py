"""A stand-in for Slack on loopback: enough of the Web API to post, edit and find messages, with Slack's limits and faults.

It keeps messages as a workspace would, refuses what Slack refuses, and misbehaves on request: slow, limited, down, or
silent after it has accepted a message. A method of the Web API is one entry in `methods` of what it is about.

exchange   one request, its fault and its refusal
messages   messages, what Slack checks of them, and how it shows them
files      files that are uploaded
workspace  channels, groups, messages, and the methods on them
http       which address leads where
server     the stand-in itself
"""

from spikewatch.sandbox.chat.exchange import Call, Fault, Json, Refusal
from spikewatch.sandbox.chat.files import ChatFile
from spikewatch.sandbox.chat.messages import ChatMessage
from spikewatch.sandbox.chat.server import SCOPES, Chat

__all__ = ["SCOPES", "Call", "Chat", "ChatFile", "ChatMessage", "Fault", "Json", "Refusal"]
