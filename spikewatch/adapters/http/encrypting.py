"""TLS: certificates from files, taken anew when the files change, so that nothing needs a restart when they are renewed."""

import logging
import ssl
import threading
from pathlib import Path

from spikewatch.adapters.http.settings import TlsSettings
from spikewatch.errors import Fault

log = logging.getLogger(__name__)


class Certificates:
    """The certificate of the server, its key, and whose clients are trusted."""

    def __init__(self, settings: TlsSettings) -> None:
        """Read the files; raises Fault where they are no pair of certificate and key."""
        self._settings = settings
        self._reading = threading.Lock()
        self._stamp = self._stamp_now()
        try:
            self._context = self._read()
        except (OSError, ValueError) as error:
            raise Fault(
                f"metrics.tls: {settings.cert_file} and {settings.key_file} cannot be used"
                f" ({_why(error)}); name a certificate and its key in PEM, both readable"
            ) from error

    @property
    def asks_clients(self) -> bool:
        """Tell whether clients need a certificate of their own."""
        return self._settings.client_ca_file is not None

    def context(self) -> ssl.SSLContext:
        """Return what the next connection is encrypted with; while new files are no pair yet, what held before."""
        with self._reading:
            stamp = self._stamp_now()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._context = self._read()
                except (OSError, ValueError) as error:
                    log.error("tls_reload_failed", extra={"error": _why(error)})  # noqa: TRY400 -- a person mends files
                else:
                    log.info("tls_reloaded", extra={"file": str(self._settings.cert_file)})
            return self._context

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # without a password an encrypted key would be asked for on the terminal
        context.load_cert_chain(self._settings.cert_file, self._settings.key_file, password="")
        if self._settings.client_ca_file is not None:
            context.load_verify_locations(self._settings.client_ca_file)
            # a client without one may still ask the probes; `handling` refuses it everything else
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _stamp_now(self) -> tuple[object, ...]:
        files = (self._settings.cert_file, self._settings.key_file, self._settings.client_ca_file)
        return tuple(_stamp(file) for file in files if file is not None)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        seen = file.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


def _why(error: Exception) -> str:
    """Return what the system said, without the path, which stands in the message already."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
