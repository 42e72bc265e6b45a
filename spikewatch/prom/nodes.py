"""What the generated documents are made of before they are written."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Node: TypeAlias = "str | int | float | bool | Sequence[Node] | Mapping[str, Node]"
"""What YAML and JSON are made of."""
