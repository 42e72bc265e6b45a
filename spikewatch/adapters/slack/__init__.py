"""Slack, and nothing else: how it is configured and how messages get there.

settings   what a person chooses; imports nothing of the vendor
messenger  posts, edits and finds messages by the Web API
socket     presses of buttons, by Socket Mode
audience   who may press them, and answers that only they see
"""
