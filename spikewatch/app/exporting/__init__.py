"""`export` and `import`: what a store holds as files, and a store made of such files.

archives   a whole store in a folder, a .tar.gz or a .zip: a manifest, and a file a table
backups    a store into an archive and back
listings   counts, labels and incidents by themselves, in the formats that other commands and programs read
"""

from spikewatch.app.exporting.backups import back_up, bring_back
from spikewatch.app.exporting.listings import counts, incidents, labels

__all__ = ["back_up", "bring_back", "counts", "incidents", "labels"]
