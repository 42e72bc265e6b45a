"""What Prometheus, Alertmanager and Grafana need of us, generated from the configuration in force.

Rules with a runbook each, dashboards, scrape and routing examples, history for the first day, and the questions to ask a
Prometheus. Everything here builds plain values and texts; reading files and asking servers is done elsewhere.
"""
