"""Tickets from Zendesk: `settings` (light), `client` (HTTP, sign-in, failures), `tickets` (rows to tickets), `source`.

Nothing is imported here, so that reading a configuration does not load the vendor's library.
"""
