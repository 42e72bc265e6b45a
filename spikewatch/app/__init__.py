"""The composition root: the only room that sees the whole configuration and knows every class.

assembly   from a configuration to a daemon
running    the daemon until it is told to stop
replaying  recorded counts through the live code
standing   how a daemon stands, as its store tells it
"""
