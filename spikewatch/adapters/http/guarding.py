"""Who may read more than the probes: a password, kept as a hash, or a token."""

import base64
import binascii
import hmac
import secrets
import threading
from hashlib import scrypt, sha256
from math import prod

_METHOD, _N, _R, _P = "scrypt", 2**15, 8, 1
"""32 MB and about 50 ms for each guess at a password."""

_MOST_WORK = 2**20
_SALT_BYTES, _DIGEST_BYTES = 16, 64


class NoHash(ValueError):
    """A text that is no hash of a password; its message says what one looks like, and not what was given."""


def hashed(password: str, *, salt: str | None = None) -> str:
    """Return the hash of a password, `scrypt:32768:8:1$salt$digest`, which the server compares with.

    >>> hashed("correct horse", salt="battery")[:30]
    'scrypt:32768:8:1$battery$6fb74'
    """
    chosen = secrets.token_urlsafe(_SALT_BYTES) if salt is None else salt
    return f"{_METHOD}:{_N}:{_R}:{_P}${chosen}${_digest(password, salt=chosen, n=_N, r=_R, p=_P).hex()}"


class Guard:
    """Compares what a client says of itself with what is expected, in constant time.

    A password that was right is remembered by its digest, so that a scrape costs no hashing; guesses are hashed one at a
    time, so that a flood of them takes one core at most.
    """

    def __init__(
        self, *, user: str = "", password_hash: str | None = None, bearer_token: str | None = None
    ) -> None:
        """Hold what is expected; with neither hash nor token everybody may read. Raises NoHash."""
        self._user = user
        self._hash = None if password_hash is None else _parsed(password_hash)
        self._token = None if bearer_token is None else sha256(bearer_token.encode()).digest()
        self._known: bytes | None = None
        self._hashing = threading.Lock()

    @property
    def challenges(self) -> tuple[str, ...]:
        """How a client may say who it is; empty where nobody is asked."""
        basic = ('Basic realm="spikewatch", charset="UTF-8"',) if self._hash is not None else ()
        bearer = ('Bearer realm="spikewatch"',) if self._token is not None else ()
        return (*basic, *bearer)

    def admits(self, authorization: str) -> bool:
        """Tell whether somebody with this header may read."""
        if not self.challenges:
            return True
        scheme, _, said = authorization.strip().partition(" ")
        match scheme.lower():
            case "bearer" if self._token is not None:
                return hmac.compare_digest(_fingerprint(said.strip()), self._token)
            case "basic" if self._hash is not None:
                return self._is_right(said.strip(), *self._hash)
        return False

    def _is_right(self, said: str, cost: tuple[int, int, int], salt: str, digest: bytes) -> bool:
        fingerprint = _fingerprint(said)
        if self._known is not None and hmac.compare_digest(fingerprint, self._known):
            return True
        try:
            user, _, password = base64.b64decode(said, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        n, r, p = cost
        with self._hashing:
            right = hmac.compare_digest(_digest(password, salt=salt, n=n, r=r, p=p), digest)
        if not (hmac.compare_digest(user.encode(), self._user.encode()) and right):
            return False
        self._known = fingerprint
        return True


def _fingerprint(said: str) -> bytes:
    return sha256(said.encode("utf-8", "surrogateescape")).digest()


def _digest(password: str, *, salt: str, n: int, r: int, p: int) -> bytes:
    return scrypt(
        password.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=256 * n * r * p, dklen=_DIGEST_BYTES
    )


def _parsed(password_hash: str) -> tuple[tuple[int, int, int], str, bytes]:
    try:
        method, salt, digest = password_hash.strip().split("$")
        name, n, r, p = method.split(":")
        cost, expected = (int(n), int(r), int(p)), bytes.fromhex(digest)
        affordable = min(cost) > 0 and prod(cost) <= _MOST_WORK
        if name != _METHOD or not affordable or not salt or len(expected) != _DIGEST_BYTES:
            raise NoHash
        _digest("", salt=salt, n=cost[0], r=cost[1], p=cost[2])
    except ValueError as error:
        raise NoHash("it is no hash of a password; make one with: spikewatch prom password") from error
    return cost, salt, expected
