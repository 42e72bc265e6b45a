"""A few metrics out of an exposition, for those who ask for them by name (`?name[]=`)."""

from collections.abc import Collection, Iterator

_COMMENT = b"# "
_END = b"# EOF"


def chosen(exposition: bytes, names: Collection[str]) -> bytes:
    r"""Return the samples of these metrics with their help and type; a name is that of a metric or of its samples.

    >>> chosen(b'# TYPE a gauge\na 1\n# TYPE b gauge\nb{c="d"} 2\n', {"b"})
    b'# TYPE b gauge\nb{c="d"} 2\n'
    """
    return b"".join(_lines(exposition, frozenset(name.encode() for name in names)))


def _lines(exposition: bytes, names: frozenset[bytes]) -> Iterator[bytes]:
    family, head = b"", list[bytes]()
    for line in exposition.splitlines(keepends=True):
        if line.startswith(_END):
            yield line
        elif line.startswith(_COMMENT):
            described = line.split(b" ", 3)[2]
            head = [*head, line] if described == family else [line]
            family = described
        elif family in names or line.partition(b" ")[0].partition(b"{")[0] in names:
            yield from head
            yield line
            head = []
