"""One YAML file into settings: strict, all mistakes at once with their lines, secrets from elsewhere.

reading      YAML text as values with lines
model        the whole configuration, and what its sections demand of each other
translating  what pydantic found wrong, in plain words
secrets      from the environment or files
loading      all of that, in order
explaining   every effective value and its origin
starter      the commented sample, written from the settings' own docstrings
"""

from spikewatch.config.explaining import Explained, explain
from spikewatch.config.loading import load
from spikewatch.config.model import Config, PollSettings, Purpose, RetentionSettings

__all__ = ["Config", "Explained", "PollSettings", "Purpose", "RetentionSettings", "explain", "load"]
