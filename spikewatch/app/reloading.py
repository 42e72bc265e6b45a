"""Hot reload: a changed configuration is validated whole and comes into force between two cycles, or is refused whole.

A refusal leaves the old one in force and is told in the log, in the metrics, by `status` and on Slack: one message, edited
while the file is corrected and once it is mended.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from spikewatch.adapters import log as logs
from spikewatch.app.assembly import Assembly
from spikewatch.config import Config, Purpose, load
from spikewatch.config.differences import Change, between, settings_of
from spikewatch.config.watching import Watch
from spikewatch.core.misconfiguration import ConfigNotice, mended, refused
from spikewatch.daemon import Job
from spikewatch.errors import Mistake, SpikewatchError
from spikewatch.ports import CycleCommit, InForce

LOOK_EVERY = timedelta(seconds=2)
"""A change comes into force after two looks that find the same: by then whoever writes the file has finished."""

JOB = "config"
_SHOWN = 20
"""Changes that one log line names."""

log = logging.getLogger(__name__)


class Reloader:
    """Watches the files of a configuration; `look` is called by one thread at a time, `ask` by any.

    env         secrets and overrides, as they were when the daemon started
    on_secrets  is told of all secrets of a configuration before anything could be said about them
    """

    def __init__(
        self,
        assembly: Assembly,
        path: str | Path,
        *,
        env: Mapping[str, str],
        on_secrets: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        """Take over a daemon that was assembled from the file and has not started yet."""
        self._assembly = assembly
        self._path = str(path)
        self._env = env
        self._on_secrets = on_secrets
        self._watch = Watch(path)
        self._asked = False
        self._taken = self._seen = self._watch.digest()
        self._in_force = self._since_now(())
        assembly.always = (*assembly.always, Job(JOB, LOOK_EVERY, self.look, on_error=self._failed))

    def begin(self) -> None:
        """Keep what is in force where others can read it; a refusal told by an earlier daemon is mended by this start."""
        self._assembly.store.save_in_force(self._in_force)
        self._mend()

    def ask(self) -> None:
        """Load the files soon, whether they have changed or not: what SIGHUP does."""
        self._asked = True
        self._assembly.daemon.wake(JOB)

    def look(self) -> None:
        """Load the files where they have changed and were left alone since the last look, or where somebody asked."""
        digest, before = self._watch.digest(), self._seen
        self._seen = digest
        asked, self._asked = self._asked, False
        if asked or (digest == before and digest != self._taken):
            self._taken = digest
            self._reload(asked=asked)

    def _reload(self, *, asked: bool) -> None:
        old = self._assembly.parts.config
        try:
            config = load(self._path, env=self._env, purpose=Purpose.RUN)
            self._on_secrets(_secrets_of((old, config)))
            changes = between(old, config)
            _require_live(changes, path=self._path)
            if changes:
                self._assembly.adopt(config)
        except SpikewatchError as error:
            if not isinstance(error, Mistake):
                self._taken = ""  # the surroundings failed, not the file: the next look tries again
            self._refuse(error)
            return
        if changes or self._in_force.refused:
            self._accept(changes)
        elif asked:
            log.info("config_unchanged", extra={"file": self._path})
        for note in (note for note in config.notes if note not in old.notes):
            log.warning("configuration_note", extra={"note": note})

    def _failed(self, _error: Exception) -> None:
        self._assembly.standing.health.reload_failed()

    def _accept(self, changes: Sequence[Change]) -> None:
        said = [str(change) for change in changes[:_SHOWN]]
        log.info("config_reloaded", extra={"file": self._path, "changes": said, "changed": len(changes)})
        if not changes:
            self._assembly.standing.health.reload_worked()
        self._in_force = self._since_now(()) if changes else _without_refusal(self._in_force)
        self._assembly.store.save_in_force(self._in_force)
        self._mend()

    def _refuse(self, error: SpikewatchError) -> None:
        problems = tuple(str(error).splitlines())
        now = self._assembly.standing.clock.now()
        self._assembly.standing.health.reload_failed()
        if problems != self._in_force.refused:
            log.error("config_refused", extra={"file": self._path, "problems": list(problems)})
        kept = self._in_force
        self._in_force = InForce(kept.settings, kept.since, problems, now)
        self._assembly.store.save_in_force(self._in_force)
        notice = refused(
            self._told(), file=self._path, problems=problems, restart=isinstance(error, NeedsRestart), at=now
        )
        if notice is not None:
            self._tell(notice)

    # -- Slack

    def _mend(self) -> None:
        told = self._told()
        if told is not None and told.lasts:
            self._tell(mended(told, at=self._assembly.standing.clock.now()))

    def _told(self) -> ConfigNotice | None:
        """Return what was told last of a refused configuration, by this daemon or an earlier one."""
        deliveries = self._assembly.store.deliveries()
        notices = [each.notice for each in deliveries if isinstance(each.notice, ConfigNotice)]
        return max(notices, key=lambda notice: (notice.facts.since, notice.facts.revision), default=None)

    def _tell(self, notice: ConfigNotice) -> None:
        store = self._assembly.store
        with self._assembly.standing.turn:
            rows = self._assembly.parts.on_call.announcer.plan_config(notice, notice.at)
            store.commit_cycle(CycleCommit(store.judge_state(), deliveries=tuple(rows)))
        self._assembly.daemon.wake("deliver")

    def _since_now(self, problems: tuple[str, ...]) -> InForce:
        config, now = self._assembly.parts.config, self._assembly.standing.clock.now()
        return InForce(settings_of(config), now, problems)


class NeedsRestart(Mistake):
    """Something has changed that is taken up at a start only."""


def _require_live(changes: Sequence[Change], *, path: str) -> None:
    """Refuse changes whole where one of them takes a restart."""
    restarts = [
        f"{path}: {change} takes a restart ({change.restart}); restart spikewatch, or take it back"
        for change in changes
        if change.restart is not None
    ]
    if restarts:
        raise NeedsRestart(*restarts)


def _without_refusal(kept: InForce) -> InForce:
    return InForce(kept.settings, kept.since)


def _secrets_of(configs: Iterable[Config]) -> Sequence[str]:
    return [secret.get_secret_value() for config in configs for secret in config.secrets.values()]


def hide(secrets: Sequence[str]) -> None:
    """Keep these out of the log from now on."""
    logs.configure(sys.stderr, level="INFO", secrets=secrets)
