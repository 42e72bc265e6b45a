"""The sandbox: stand-ins that speak the vendors' protocols on loopback, misbehaviour included.

Used by the demo, by the tests, and by whoever wants to try a configuration safely.
"""
