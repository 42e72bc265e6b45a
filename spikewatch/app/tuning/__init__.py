"""`tune`: from recorded counts and labels to a change of the configuration that a person can review.

telling  the words
page     the same as one page for a browser
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias, assert_never

from threadpoolctl import threadpool_limits

from spikewatch.app import inputs
from spikewatch.app.detecting import detector_of
from spikewatch.app.tuning import page, telling
from spikewatch.config import Config
from spikewatch.config.amending import Plain, amended
from spikewatch.config.reading import read
from spikewatch.core.settings import ServiceSettings, format_duration
from spikewatch.errors import Mistake
from spikewatch.lab.knobs import Value, key_of
from spikewatch.lab.replay import replay_name
from spikewatch.lab.searching import Proposal
from spikewatch.lab.tuning import Tuned, tune

Format: TypeAlias = Literal["table", "yaml", "html"]


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of one file of a configuration, as it is and as proposed."""

    file: Path
    before: str
    after: str


@dataclass(frozen=True)
class Proposed:
    """What tuning came to for a configuration, and each file of it that would change."""

    tuned: Tuned
    config: Config
    main: Path
    drafts: Sequence[Draft]


def propose(
    source: str,
    *,
    config: Config,
    file: Path,
    since: datetime | None = None,
    until: datetime | None = None,
    gaps: Path | None = None,
    labels: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Proposed:
    """Return what is proposed for a configuration; its files are left alone.

    file          the configuration's own, whose comments the proposed one keeps
    since, until  where judging begins and the input ends; None leaves it to the data
    say           is told what a person should know about the input
    """
    # thousands of small matrix products: a second BLAS thread costs more than it brings, and moves the last digits
    threadpool_limits(limits=1, user_api="blas")
    found = inputs.read(source, config=config, gaps=gaps, labels=labels, say=say)
    recording = found.recording(config, until=until)
    said = found.labels(config)
    masks = tuple(mask for label in said if (mask := label.mask) is not None)
    detector = detector_of(config, at=recording.until, name=replay_name, masks=masks)
    tuned = tune(recording, detector, labels=said, since=since, on_progress=on_progress)
    return Proposed(tuned, config, file, drafts_of(tuned.proposals, config=config, main=file))


def rendered(
    proposed: Proposed, *, output_format: Format, say: Callable[[str], None] = lambda _: None
) -> Iterable[str]:
    """Return the lines of what is proposed; `say` is told what the output does not hold. Raises Mistake as `_only` does."""
    tuned, config = proposed.tuned, proposed.config
    diff = [
        line
        for draft in proposed.drafts
        for line in telling.diff(draft.before, draft.after, name=str(draft.file))
    ]
    match output_format:
        case "table":
            return telling.lines(tuned, config=config, diff=diff)
        case "html":
            return page.lines(tuned, config=config, diff=diff)
        case "yaml":
            for line in telling.summary(tuned, config=config):
                say(line)
            return _only(proposed.drafts, main=proposed.main).after.splitlines()
        case _:
            assert_never(output_format)


def drafts_of(proposals: Sequence[Proposal], *, config: Config, main: Path) -> Sequence[Draft]:
    """Return each file that the proposals change; a service's settings go where the service stands."""
    of_file: dict[Path, list[Proposal]] = {}
    for proposal in proposals:
        of_file.setdefault(_file_of(proposal, config=config, main=main), []).append(proposal)
    drafts = []
    for file, those in of_file.items():
        text = _text(file)
        drafts.append(Draft(file, text, proposed_text(text, those, services=config.services)))
    return drafts


def _file_of(proposal: Proposal, *, config: Config, main: Path) -> Path:
    origin = config.origins.get(proposal.change.path[:2])
    return (
        main if origin is None or proposal.change.path[0] != "services" else Path(origin.rpartition(":")[0])
    )


def _only(drafts: Sequence[Draft], *, main: Path) -> Draft:
    """Return the one file that changes, the main one where none does. Raises Mistake for several."""
    if len(drafts) > 1:
        names = ", ".join(str(draft.file) for draft in drafts)
        raise Mistake(
            f"--format yaml: {names} would change, which are several files; --format table shows each"
        )
    return drafts[0] if drafts else Draft(main, _text(main), _text(main))


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig")


def require_elsewhere(out: Path | None, *, file: Path) -> None:
    """Raise Mistake where the result would replace the configuration itself."""
    if out is not None and out.resolve() == file.resolve():
        raise Mistake(
            f"--out {out} is the configuration itself; name another file, and compare the two first"
        )


def proposed_text(
    text: str, proposals: Sequence[Proposal], *, services: Mapping[str, ServiceSettings]
) -> str:
    """Return the text of a configuration with all proposals.

    A category that goes by a glob gets a section of its own, which begins with what the glob gave it: only the first key
    that matches counts.
    """
    for proposal in proposals:
        path, value = proposal.change.path, plain(proposal.change.after)
        values: Any = read(text).values
        match path:
            case ("services", service, "categories", category, name):
                known = (values.get("services") or {}).get(service) or {}
                own = (known.get("categories") or {}).get(category)
                glob = None if own is not None else key_of(services.get(service, _NOTHING), category)
                if glob is not None and glob != category:
                    path, value = path[:-1], {**(known["categories"][glob] or {}), name: value}
            case _:
                pass
        text = amended(text, {path: value})
    return text


_NOTHING = ServiceSettings()


def plain(value: Value) -> Plain:
    """Return a value the way a configuration writes it."""
    if isinstance(value, tuple):
        return [format_duration(window) for window in value]
    return value
