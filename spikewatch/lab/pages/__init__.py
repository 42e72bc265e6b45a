"""Pages: what a replay found, and what other settings would have changed, as one HTML file that needs nothing beside it.

frame       what stands around every page
setting     language, local time, numbers
words       every phrase, once a language
charts      inline SVG
reasons     windows and gates
incidents   one article each
tables      services and categories
weeks       the calendar
backtest    the page of a replay
difference  the page of two replays of the same record
"""

from spikewatch.lab.pages.backtest import Reviewed, backtest_page
from spikewatch.lab.pages.difference import diff_page
from spikewatch.lab.pages.setting import Setting

__all__ = ["Reviewed", "Setting", "backtest_page", "diff_page"]
