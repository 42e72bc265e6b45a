"""What messages show and lead to, from the configuration."""

from spikewatch.adapters.zendesk.searching import search_of
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.config import Config
from spikewatch.core.wording import Links, Picture


def links_of(config: Config) -> Links:
    """Return where messages lead to."""
    desks = [source for source in config.sources if isinstance(source, ZendeskSettings)]
    searches = {source.name: search_of(source) for source in desks} if config.links.tickets else {}
    return Links(searches=searches, grafana=config.links.grafana, dashboard=config.links.dashboard)


def draw(picture: Picture) -> bytes:
    """Draw a picture; matplotlib is loaded when the first one is wanted, for most workspaces never ask for one."""
    from spikewatch.adapters.charts.drawing import draw as drawn  # noqa: PLC0415 -- half a second that a start does without

    return drawn(picture)
