"""Adapters: one vendor each, behind a port. None knows another; what they share is declared in `ports`."""
