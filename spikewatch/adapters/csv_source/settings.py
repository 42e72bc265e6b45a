"""What a person may choose about files that grow; imports nothing heavy."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from spikewatch.core.settings import Duration, Settings


class CsvSettings(Settings):
    """One file, or one folder of files, that another program writes to."""

    kind: Literal["csv"]
    """`csv`."""
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """What this source is called in metrics and logs."""
    path: Path = Field(examples=["/var/exports/tickets.csv"])
    """A file that grows, or a folder of such files; tickets or counts, told apart by the header."""
    pattern: Annotated[str, Field(min_length=1)] = "*.csv"
    """Which files of a folder are read."""
    lag: Duration = timedelta(minutes=5)
    """How long after its creation a ticket is in the file at the latest. The newest change of a file says until when it is
    complete, so let the other program touch it when nothing came in."""

    @field_validator("path", "pattern")
    @classmethod
    def _plain_text(cls, value: Path | str) -> Path | str:
        if str(value).endswith(".gz"):
            message = "a compressed file cannot grow; name the plain one"
            raise ValueError(message)
        return value
