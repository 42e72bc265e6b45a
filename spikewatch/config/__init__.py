"""One YAML file into settings: strict, all mistakes at once with their lines, secrets from elsewhere.

reading      YAML text as values with lines
model        the whole configuration, and what its sections demand of each other
translating  what pydantic found wrong, in plain words
secrets      from the environment or files
loading      all of that, in order
including    files of teams that the main one names
watching     whether any of these files has changed
explaining   every effective value and its origin
differences  between two configurations, and what of it takes a restart
starter      the commented sample, written from the settings' own docstrings
schema       the same as a JSON Schema, for editors
reference    the same as a page of all keys
"""

from spikewatch.config.explaining import Explained, explain
from spikewatch.config.loading import load
from spikewatch.config.model import Config
from spikewatch.config.sections import PollSettings, Purpose, RetentionSettings

__all__ = ["Config", "Explained", "PollSettings", "Purpose", "RetentionSettings", "explain", "load"]
