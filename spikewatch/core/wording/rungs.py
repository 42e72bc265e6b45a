"""How plain a message is to be: what a receiver refuses goes out again one rung down."""

WITHOUT_CHART = 1
"""A picture stands in place of the chart."""

WITHOUT_PICTURE = 2
WITHOUT_TABLE = 3
TEXT_ONLY = 4
