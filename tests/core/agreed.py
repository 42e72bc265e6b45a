"""A message as its golden file holds it."""

import json
from dataclasses import asdict

from spikewatch.core.wording import Message


def as_agreed(message: Message) -> str:
    """The message as indented JSON, without what it does not have; of a picture only its words."""
    fields = {key: value for key, value in asdict(message).items() if value and key != "picture"}
    if message.picture is not None:
        fields["picture"] = message.picture.said
    return json.dumps(fields, ensure_ascii=False, indent=1) + "\n"
