"""`doctor`: looks at everything a configuration names, live, and says of each thing what is wrong and what to do.

Nothing is changed, posted or called that would mean something; no secret is shown; nobody is waited for without end.

findings  what a check came to
scene     what the checks look at together
desk, mapping  a Zendesk account, and the rules that make services and categories of its tickets
counted   databases and files that are read
slack, sample, receivers  where surges are told
keeping   the store
daemon    the daemon and its port
beside    the heartbeat, fonts for charts
services  the section of that name against what there is
visiting  all of them, side by side, each with an end
"""

from spikewatch.app.doctor.findings import Finding, Result, count_of
from spikewatch.app.doctor.visiting import examine

__all__ = ["Finding", "Result", "count_of", "examine"]
