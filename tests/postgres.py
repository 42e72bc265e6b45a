"""A throw-away PostgreSQL cluster for a session of tests: on loopback, on a free port, fast and forgetful."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

USER = "spikewatch"
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "lc_messages": "C",
}
_numbers = count(1)


@dataclass(frozen=True)
class Cluster:
    """A running cluster; `restart` and `stop` act on it as an administrator would."""

    folder: Path
    port: int
    programs: Path
    owner: str | None

    def schema(self) -> str:
        """Return the URL of a new and empty schema."""
        name = f"store_{os.getpid()}_{next(_numbers)}"
        self.execute(f"CREATE SCHEMA {name}")
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{name}"

    def empty(self, url: str) -> None:
        """Drop every row of a schema, but not what says how it was migrated."""
        schema = url.rpartition("%3D")[2]
        tables = self.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename), schemaname, tablename FROM pg_tables"
        )
        full = [str(path) for path, place, name in tables if place == schema and name != "alembic_version"]
        self.execute(f"TRUNCATE {', '.join(full)}")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement as the superuser and return its rows."""
        with psycopg.connect(
            f"postgresql://{USER}@127.0.0.1:{self.port}/postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._control("start", "-l", str(self.folder / "log"), "-o", f"-p {self.port}")

    def stop(self) -> None:
        """Stop the server and end its connections, as for an upgrade."""
        self._control("stop", "-m", "fast")

    def _control(self, *words: str) -> None:
        run(self.owner, self.programs / "pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "60", *words)


def run(owner: str | None, *command: str | Path) -> None:
    """Run a program as another user where one is named: PostgreSQL refuses to be root."""
    user = None if owner is None else pwd.getpwnam(owner)
    done = subprocess.run(
        command,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )
    if done.returncode:
        message = f"{command[0]} failed: {done.stderr}"
        raise RuntimeError(message)


@contextmanager
def cluster(programs: Path) -> Iterator[Cluster]:
    """Make a cluster, give it, and leave nothing behind."""
    owner = _nobody() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="spikewatch-postgres-"))
    made = Cluster(folder, _free_port(), programs, owner)
    try:
        if owner is not None:
            shutil.chown(folder, owner)
        run(
            owner,
            programs / "initdb",
            "-D",
            str(folder / "data"),
            "-U",
            USER,
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
            "--locale=C",
        )
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.writelines(f"{key} = '{value}'\n" for key, value in FORGETFUL.items())
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _nobody() -> str:
    """Return a user that is not root."""
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
