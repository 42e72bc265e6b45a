"""What is known of an account's names: which to ask for, and how seldom. A number stands for a name that is not known."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from spikewatch.adapters.zendesk.attributes import ORGANISATION_KIND, kind_of
from spikewatch.adapters.zendesk.vocabulary import MOST_AT_ONCE, Vocabulary
from spikewatch.pacing import TokenBucket
from spikewatch.ports import Clock, CredentialsRefused, PortError, QueryRefused

_LASTS = timedelta(hours=1)
"""A name is asked for again after this, and so is one that the account did not know."""

_LISTS_APART = timedelta(minutes=1)
"""A list that was read so shortly before is not read again for a word that is not in it."""

_LOOK_UPS_PER_MINUTE = 20.0
"""Of up to 100 organisations each; the smallest accounts allow 200 requests a minute to all their integrations together."""


_log = logging.getLogger(__name__)


class Names:
    """The names of one account by word, such as `brand:21`; for one thread.

    known  in the order of the account within each kind; a word that was removed there keeps its name, behind the others
    """

    def __init__(self, account: Vocabulary, *, source: str, clock: Clock, known: Mapping[str, str]) -> None:
        """Begin with the names of before a restart; nothing is asked yet."""
        self.known: Mapping[str, str] = dict(known)
        self._account = account
        self._source = source
        self._clock = clock
        self._asked: dict[str, datetime] = {}
        self._tried: dict[str, datetime] = {}
        self._failing: set[str] = set()
        self._owed: set[str] = set()
        self._look_ups = TokenBucket.full(_LOOK_UPS_PER_MINUTE, now=clock.now())

    def learn(self, wanted: Collection[str]) -> Mapping[str, str]:
        """Return all names, after asking for those that are wanted and not known, or known for long.

        What would go beyond the pace, and what was refused an hour ago, is asked for by later calls, whatever is wanted
        then. Raises Unavailable where a wanted name that is not known yet may be had later, or a limit is met; what was
        learnt until then is not asked for again.
        """
        now = self._clock.now()
        old = {word for word in self._owed.union(wanted) if self._is_old(word, now)}
        self._owed = {word for word in self._owed | old if word not in self.known}
        for kind in sorted({kind_of(word) for word in old}):
            words = sorted(
                (word for word in old if kind_of(word) == kind), key=lambda word: (word in self.known, word)
            )
            try:
                self._ask(kind, words, now)
            except PortError as error:
                is_needed = any(word in wanted and word not in self.known for word in words)
                self._go_without(kind, words, error, now, is_needed=is_needed)
        return self.known

    def _is_old(self, word: str, now: datetime) -> bool:
        is_listed = word in self.known and kind_of(word) != ORGANISATION_KIND
        asked = self._asked.get(kind_of(word) if is_listed else word)
        return asked is None or now >= asked + _LASTS

    def _ask(self, kind: str, words: Sequence[str], now: datetime) -> None:
        """Ask for these words of a kind, those that are not known first, as far as the pace lets us."""
        if kind == ORGANISATION_KIND:
            self._look_up(words, now)
        elif kind not in self._tried or now >= self._tried[kind] + _LISTS_APART:
            self._tried[kind] = now
            self._read(kind, words, now)
        else:
            return
        if kind in self._failing:
            self._failing.discard(kind)
            _log.info("names_recovered", extra={"source": self._source, "of": kind})

    def _go_without(
        self, kind: str, words: Sequence[str], error: PortError, now: datetime, *, is_needed: bool
    ) -> None:
        """Keep to the names there are where that is right: reading tickets matters more than what they are called."""
        is_refused = isinstance(error, CredentialsRefused | QueryRefused)
        if is_refused:
            self._asked.update(dict.fromkeys([kind, *words], now))
        elif is_needed or error.reason == "rate_limited":
            self._tried.pop(kind, None)
            raise error
        if kind not in self._failing:
            self._failing.add(kind)
            _log.warning("names_failed", extra={"source": self._source, "of": kind, "detail": str(error)})

    def _read(self, kind: str, wanted: Iterable[str], now: datetime) -> None:
        fresh = dict(self._account.listed(kind))
        removed = {word: name for word, name in self.known.items() if word not in fresh}
        self.known = dict(sorted({**fresh, **removed}.items(), key=lambda pair: kind_of(pair[0])))
        self._note([kind, *wanted], now)

    def _look_up(self, words: Iterable[str], now: datetime) -> None:
        waiting = iter(words)
        while (some := list(islice(waiting, MOST_AT_ONCE))) and not self._look_ups.wait(now=now):
            self._look_ups = self._look_ups.take(now=now)
            self.known = {**self.known, **dict(self._account.looked_up(iter(some)))}
            self._note(some, now)

    def _note(self, asked: Iterable[str], now: datetime) -> None:
        for word in asked:
            self._asked[word] = now
            self._owed.discard(word)
