"""How fast and how big: `make bench` measures what an operator waits for, and says which targets are met.

desk      simulated tickets of a desk, many series and few tickets each
judging   one process that judges one bucket of a very large fleet
daemon    one process that does what the daemon does, on a real store, and measures itself
backtest  one process that runs the backtest command's code, and measures itself
naive     what one series at a time costs
report    the table and its targets

Each size runs in a process of its own, so that its peak of memory is its own.
"""
