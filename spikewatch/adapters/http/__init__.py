"""The daemon's own web server: metrics, liveness and readiness.

Importing this package is light, for the configuration reads its settings; the server is in `server`.
"""
