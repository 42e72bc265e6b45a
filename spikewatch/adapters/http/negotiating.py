"""What a client says it can read, from its headers: the form of metrics, gzip, and the language of a page."""

from collections.abc import Sequence

_OPENMETRICS_VERSIONS = ("", "0.0.1", "1.0.0")


def wants_openmetrics(accept: str) -> bool:
    """Tell whether a client likes OpenMetrics 1.0 at least as well as plain text.

    >>> wants_openmetrics("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
    True
    >>> wants_openmetrics("*/*")
    False
    """
    openmetrics = text = 0.0
    for name, options in _preferences(accept):
        quality = _quality(options)
        if name == "application/openmetrics-text" and options.get("version", "") in _OPENMETRICS_VERSIONS:
            openmetrics = max(openmetrics, quality)
        elif name in ("text/plain", "text/*", "*/*"):
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether a client can read gzip.

    >>> takes_gzip("br, gzip;q=0.5"), takes_gzip("gzip;q=0, identity")
    (True, False)
    """
    qualities = {name: _quality(options) for name, options in _preferences(accept_encoding)}
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def language_of(accept_language: str, *, offered: Sequence[str]) -> str | None:
    """Return the language that a reader likes best among those offered; None where none of them is named.

    >>> language_of("fr;q=0.9, ja-JP;q=0.8, en;q=0.5", offered=("ja", "en"))
    'ja'
    """
    liked: dict[str, float] = {}
    for name, options in _preferences(accept_language):
        tongue = name.partition("-")[0]
        if tongue in offered:
            liked[tongue] = max(_quality(options), liked.get(tongue, 0.0))
    best = max(liked, key=lambda tongue: liked[tongue], default=None)
    return best if best is not None and liked[best] > 0 else None


def _preferences(header: str) -> list[tuple[str, dict[str, str]]]:
    preferences = []
    for choice in header.lower().split(","):
        name, *options = (part.strip() for part in choice.split(";"))
        pairs = (option.partition("=") for option in options)
        preferences.append((name, {key.strip(): value.strip().strip('"') for key, _, value in pairs}))
    return preferences


def _quality(options: dict[str, str]) -> float:
    try:
        return float(options.get("q", "1"))
    except ValueError:
        return 0.0
