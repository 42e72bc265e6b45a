"""The daemon's own web server: metrics, liveness, readiness and the status page.

Importing this package is light, for the configuration reads its settings.

    settings     what a person may choose
    server       from `start` to `stop`
    connections  who gets a place, and for how long
    handling     from a request to an answer
    pages        what there is to show
    negotiating  what a client can read
    guarding     who may read
    encrypting   certificates
"""
