"""What stands beside: the heartbeat's address, and fonts for charts."""

from collections.abc import Iterator

from spikewatch.adapters.reaching import reach
from spikewatch.app.doctor.findings import Finding, Part
from spikewatch.app.doctor.scene import Scene
from spikewatch.core.settings import Language
from spikewatch.ports import Unavailable

HEARTBEAT = Part("heartbeat")
CHARTS = Part("charts")


def heartbeat_findings(scene: Scene) -> Iterator[Finding]:
    """Yield whether the heartbeat's address can be reached; it is not called, for that would say that all is well."""
    stated = None if scene.config.heartbeat is None else scene.config.heartbeat.url
    url = scene.config.secret("heartbeat.url") or stated
    if url is None:
        return
    try:
        reached = reach(url.get_secret_value(), timeout_s=scene.answer_within_s)
    except Unavailable as error:
        yield HEARTBEAT.failed("reach", error, remedy="check SPIKEWATCH_HEARTBEAT_URL or heartbeat.url")
        return
    by = f" by way of the proxy {reached.proxy}" if reached.proxy else ""
    yield HEARTBEAT.ok("reach", f"{reached.host}:{reached.port} can be reached{by}; it was not called")


def chart_findings(scene: Scene) -> Iterator[Finding]:
    """Yield whether charts can be drawn in the languages of the configuration."""
    from spikewatch.adapters.charts.fonts import (  # noqa: PLC0415 -- half a second that an English desk does without
        installed_fonts,
        writable,
    )

    slack = scene.config.slack
    languages = {scene.config.language, *(() if slack is None else slack.languages.values())}
    if Language.JA not in languages:
        return
    language, fonts = writable(Language.JA, installed=installed_fonts())
    if language is Language.JA:
        yield CHARTS.ok("fonts", f"Japanese is drawn with {fonts[-1]}")
    else:
        yield CHARTS.warn(
            "fonts",
            "no Japanese font is installed: words in charts will be English",
            remedy="install one, such as apt install fonts-noto-cjk, or fonts-ipaexfont",
        )
