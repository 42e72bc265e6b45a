"""What Prometheus is told: the catalogue of metrics, the fleet rendered once a cycle, and the daemon's own health.

Everything that makes or names a metric belongs here; serving the bytes is the business of `adapters.http`.
"""
