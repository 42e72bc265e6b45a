"""Recorded counts, tickets, gaps and labels, read from CSV files, plain or gzip.

A file is taken whole or not at all: up to twenty mistakes are told at once, each with its line, its value and what would
be right.
"""

from spikewatch.adapters.csv_source.exports import Exported, Form, Range, read_export
from spikewatch.adapters.csv_source.headers import Kind
from spikewatch.adapters.csv_source.reading import (
    Recorded,
    finest_step,
    read_gaps,
    read_input,
    read_labels,
    require_step,
)

__all__ = [
    "Exported",
    "Form",
    "Kind",
    "Range",
    "Recorded",
    "finest_step",
    "read_export",
    "read_gaps",
    "read_input",
    "read_labels",
    "require_step",
]
