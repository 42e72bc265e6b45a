"""Pure: values and functions of their arguments. No I/O, no clock, no threads, no vendor.

Whatever lives here can be replayed on recorded counts and gives the same answer again.
"""
