"""A generic webhook: each state of an incident as documented JSON, posted to one address.

settings   what a person chooses
document   the JSON; its form is config/webhook.schema.json
messenger  posts it, signed where a secret for that is known
"""
