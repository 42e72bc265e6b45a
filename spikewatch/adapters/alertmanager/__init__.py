"""Alertmanager by its API v2, and through it whatever it tells: PagerDuty, Grafana IRM, Keep, mail.

settings   what a person chooses
alerts     an incident as alerts; which labels and annotations they have
messenger  posts them, and again while they last
"""
