r"""spikewatch: notices when customers write to support more than they should.

The story
    help desk -> ingest -> store -> Panel -> Baseline -> Assessment -> Surges -> Incidents -> Notices -> outbox -> Slack
                                                                     \-> Snapshot -> /metrics -> Prometheus

Everything between Panel and Notices is a pure function of (counts, calendar, settings, previous state, now); the daemon
and the backtest run exactly that code.

Rooms (imports point downwards only; the contracts in pyproject.toml enforce it)
    __main__, cli     the command line: parses, calls, prints
    demo              the story told by `spikewatch demo`
    app               the composition root: the one place that knows every class
    config            one YAML file into settings, all mistakes at once
    daemon            the scheduler: poll, judge, deliver, refit, housekeep
    lab               works on recorded counts: synthetic worlds, replay, evaluation, tuning, notebooks
    prom              rules, dashboards and the like for Prometheus and Grafana, generated
    sandbox           stand-ins that speak the vendors' protocols on loopback
    adapters          one vendor each
    ingest            from a source's page to committed counts
    backfilling       older history of a source, beside its live cursor
    reconciling       a second reading by night, and the source's own counts, against what was counted
    asking            how a source is asked for pages, and what each failure leads to
    cycle             from committed counts to incidents, notices and a snapshot
    announcing        from notices to outbox rows: routes, mutes, and what is told once a mute ends
    relaying          from notices to outbox rows of the receivers beside Slack
    delivery          from the outbox to a receiver
    acting            from the inbox of what people did to incidents, labels and answers
    lookout           says when a source is not read any more, and when it is again
    calibrating       the detector judges its own past, for thresholds that keep the budget
    statuspage        how the daemon stands, as one page of HTML
    picturing         reads the last hours, so that a message can show them
    coverage          what is known of each service, by the sources that feed it
    recounting        history counted by new rules, without reading it again
    posting           how a receiver's address is posted to, and what each answer leads to
    pacing            how fast to ask a source
    ports             what the inside asks of the outside, and how the outside may fail
    core              pure: no I/O, no clock, no threads
    errors            what a user is told when something cannot go on

Glossary
    ticket      one customer inquiry; counts in the bucket of its creation, under its current service and category
    census      ready-made counts of a span, from a source that counts for itself; replaces what it said of it before
    series      a (service, category); `(service, *)` and `(*, *)` are roll-ups and series too
    bucket      a span of time `[start, start + step)`, aligned in UTC, named by its start
    window      the newest few buckets, judged together (5m, 15m, 1h, 3h)
    panel       counts of all series on one grid, and which buckets are known
    watermark   everything created before it has been read; nothing after it is judged
    late        a ticket whose bucket was long below the watermark when it was first seen; history, never a surge
    baseline    what is normal for each series and bucket: expected count and its spread
    expected    tickets the baseline expects in a window
    upper       the largest count in a window that would not alert, floors included
    score       how unusual a window is; 1 is the alert threshold
    rule        so many tickets of a series within a span that alert whatever is normal
    fall        hours in which far less came than normal; nothing is learnt from them
    surge       a series above its threshold, from its beginning until 30 quiet minutes
    incident    the surges of one service (or of the whole company) that on-call handles together
    notice      something to tell about an incident: a reason, an instant and a copy of the facts
    blindness   a source is not read any more: its watermark stands still, and quiet means nothing
    arrears     what was judged while a service was unknown; judged for it alone, late, once it is known
    act         what a person did to an incident: acknowledge, snooze, a verdict; applied once
    label       what somebody said about a span of the past; incidents and what was expected are not learnt from
    silence     a time in which nobody is told of some incidents; they are judged all the same
    delivery    a notice on its way to one channel, with its attempts; a row of the outbox
    receiver    who is told: Slack, a webhook, Alertmanager, people by mail
    recap       one message that tells what began and ended while nobody could be told
    reply       a delivery that says in the thread below an incident's message what has just changed
    course      a series over the last hours, beside what is usual and the week before
    receipt     the vendor's name for a delivered message, so that it can be edited
    epoch       the hour for which one baseline is valid
"""

__version__ = "0.1.0"
