"""`python -m spikewatch`, the same as `spikewatch`."""

import sys

from spikewatch.cli import main

if __name__ == "__main__":
    sys.exit(main())
