"""Simulated desks with known truth: what was normal, what was planted, and what came of it.

Every draw comes from a numpy Generator made of the seed that was given; nothing global is read or changed.
"""

from spikewatch.lab.synthetic.demo import DESK, START_OF_LIVE, demo_world
from spikewatch.lab.synthetic.desk import Edits, TicketVersion, desk_tickets
from spikewatch.lab.synthetic.roughness import Roughness
from spikewatch.lab.synthetic.surges import Planted, PlantedSurge, Shape, SurgeMix, plant
from spikewatch.lab.synthetic.worlds import Benign, World, WorldSettings, simulate

__all__ = [
    "DESK",
    "START_OF_LIVE",
    "Benign",
    "Edits",
    "Planted",
    "PlantedSurge",
    "Roughness",
    "Shape",
    "SurgeMix",
    "TicketVersion",
    "World",
    "WorldSettings",
    "demo_world",
    "desk_tickets",
    "plant",
    "simulate",
]
