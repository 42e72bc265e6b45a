"""The composition root: the only room that sees the whole configuration and knows every class.

assembly   from a configuration to a daemon
running    the daemon until it is told to stop
inputs     what a replay is made of: a file, or the store
replaying  recorded counts through the live code, under one configuration or compared under two
standing   how a daemon stands, as its store tells it
"""
