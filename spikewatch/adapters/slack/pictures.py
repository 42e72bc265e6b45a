"""Pictures for Slack: drawn, uploaded without being posted, and waited for until a message can show them.

Nothing here may hold up an alarm: whatever goes wrong, the message is refused as it is, and goes out at once without its
picture.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from http.client import HTTPException
from typing import Any, TypeAlias

from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError
from slack_sdk.web import SlackResponse

from spikewatch.core.wording import Picture
from spikewatch.ports import ContentRefused

PATIENCE = tuple(timedelta(seconds=wait_s) for wait_s in (0.5, 1.0, 2.0))
"""Slack needs a moment before a file can be shown; a message that shows it earlier is refused."""

ALT_LIMIT = 1_000

_BROKEN = (OSError, HTTPException, LookupError, TypeError, ValueError, AttributeError)
"""What the vendor's client stumbles into when a connection or an answer is broken."""

Draw: TypeAlias = Callable[[Picture], bytes]
Wait: TypeAlias = Callable[[timedelta], bool]


class Pictures:
    """Makes files of pictures.

    draw  returns a picture as PNG
    wait  waits so long, and tells whether it was stopped meanwhile
    """

    def __init__(self, client: WebClient, *, draw: Draw, wait: Wait) -> None:
        """Hold the parts; nothing is drawn yet."""
        self._client = client
        self._draw = draw
        self._wait = wait

    def upload(self, picture: Picture) -> str:
        """Return the id of a file that a message may show. Raises ContentRefused, whatever went wrong."""
        png = self._draw(picture)
        try:
            answer = self._client.files_upload_v2(
                content=png,
                filename=f"{hashlib.sha256(png).hexdigest()[:12]}.png",
                title=picture.title,
                alt_txt=picture.said[:ALT_LIMIT],
            )
            file = str(_object(answer)["files"][0]["id"])
        except (SlackClientError, *_BROKEN) as error:
            raise ContentRefused(f"the picture could not be uploaded: {error}") from error
        try:
            shown = self._is_shown(file)
        except (SlackClientError, *_BROKEN) as error:
            self.discard(file)
            raise ContentRefused(f"the picture could not be looked at: {error}") from error
        if not shown:
            self.discard(file)
            raise ContentRefused("the picture was uploaded, but could not be shown in time")
        return file

    def discard(self, file: str) -> None:
        """Delete a file that no message shows any more; a file that stays does no harm."""
        try:
            self._client.files_delete(file=file)
        except (SlackClientError, *_BROKEN):
            return

    def _is_shown(self, file: str) -> bool:
        """Wait until a message can show the file; tell whether it can."""
        for patience in PATIENCE:
            if _object(self._client.files_info(file=file))["file"].get("mimetype"):
                return True
            if self._wait(patience):
                return False
        return bool(_object(self._client.files_info(file=file))["file"].get("mimetype"))


def _object(response: SlackResponse) -> Mapping[str, Any]:
    if not isinstance(response.data, dict):
        message = "Slack's answer is not an object"
        raise TypeError(message)
    return response.data
