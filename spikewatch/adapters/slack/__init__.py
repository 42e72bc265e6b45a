"""Slack, and nothing else: how it is configured and how messages get there.

settings   what a person chooses; imports nothing of the vendor
client     the vendor's clients, made in one way
calling    one call, and what each failure means
messenger  posts and edits messages by the Web API
searching  finds a message again
pictures   charts as files that a message shows
socket     presses of buttons, by Socket Mode
presses    what a press stands for
audience   who may press them, and answers that only they see
examining  a look at a workspace
"""
