"""The categories (or services) that drive an incident, as a table or as lines."""

from spikewatch.core.notices import Facts, Part
from spikewatch.core.wording.blocks import SECTION_LIMIT, Block, plain
from spikewatch.core.wording.names import listed_name, part_name
from spikewatch.core.wording.phrases import Phrases


def are_listed(facts: Facts) -> bool:
    """Tell whether the parts say more than the title does."""
    listed = len(facts.parts)
    return bool(listed) and listed + facts.more > 1 and facts.merged_into is None


def table(facts: Facts, say: Phrases, *, name: str) -> Block:
    """Return the parts as a table; `name` is that of the block."""
    words = say.words
    head = (
        words.service if facts.service is None else words.category,
        words.count,
        words.usual,
        words.ratio,
        words.share,
    )
    rows = [head, *(_row(part, say, inside=facts.service) for part in facts.parts)]
    settings = [{"is_wrapped": True}, *({"align": "right"} for _ in head[1:])]
    cells = [[{"type": "raw_text", "text": cell} for cell in row] for row in rows]
    return {"type": "table", "block_id": name, "column_settings": settings, "rows": cells}


def _row(part: Part, say: Phrases, *, inside: str | None) -> tuple[str, str, str, str, str]:
    shown = listed_name(part, say.words, inside=inside)
    share = "–" if part.share is None else f"{part.share:.0%}"
    return shown, say.within(part.reading), say.usual(part.reading), say.ratio(part.reading) or "–", share


def lines(facts: Facts, say: Phrases, *, name: str) -> Block:
    """Return the parts as lines, for whom takes no table."""
    said = [
        say.words.breakdown_item.format(
            name=part_name(part.series, say.words, inside=facts.service), count=say.peak(part.reading)
        )
        for part in facts.parts
    ]
    return {"type": "section", "block_id": name, "text": plain("\n".join(said), limit=SECTION_LIMIT)}
