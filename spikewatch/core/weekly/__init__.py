"""A week in figures: incidents and how often they were right, what customers wrote about, and when nothing could be seen.

weeks     which week, and when its report is due
figures   the values, and the notice that tells them
judging   the values that follow from incidents and labels
document  the same as JSON
"""

from spikewatch.core.weekly.document import document
from spikewatch.core.weekly.figures import (
    MOST_LISTED,
    Accuracy,
    Blind,
    Line,
    Noise,
    Unlisted,
    Volume,
    Weekly,
    WeeklyNotice,
    message_of,
    notice_of_week,
)
from spikewatch.core.weekly.judging import accuracy_of, delays_of, label_of, noise_of
from spikewatch.core.weekly.weeks import Week, due_at

__all__ = [
    "MOST_LISTED",
    "Accuracy",
    "Blind",
    "Line",
    "Noise",
    "Unlisted",
    "Volume",
    "Week",
    "Weekly",
    "WeeklyNotice",
    "accuracy_of",
    "delays_of",
    "document",
    "due_at",
    "label_of",
    "message_of",
    "noise_of",
    "notice_of_week",
]
