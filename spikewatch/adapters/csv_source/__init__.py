"""Recorded counts, tickets and gaps, read from CSV files, plain or gzip.

A file is taken whole or not at all: up to twenty mistakes are told at once, each with its line, its value and what would
be right.
"""

from spikewatch.adapters.csv_source.reading import (
    Kind,
    Recorded,
    finest_step,
    read_gaps,
    read_input,
    require_step,
)

__all__ = ["Kind", "Recorded", "finest_step", "read_gaps", "read_input", "require_step"]
