"""The schema as the code sees it; `migrations` build the same, and a test compares the two.

Instants are microseconds since the epoch, but a ticket's creation, of which there are millions, is in seconds. Counts lie in
the order of time: a page touches the newest buckets only, whatever the number of series. A ticket has no second index, for
each would cost more than all the rest of a page.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("service", String, nullable=False),
    Column("category", String, nullable=False),
    Column("total", BigInteger, nullable=False),
    UniqueConstraint("service", "category", name="uq_series_name"),
)

source = Table(
    "source",
    metadata,
    Column("name", String, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("cursor", Text),
    Column("watermark", BigInteger),
    Column("newest", BigInteger),
    Column("seen_at", BigInteger, nullable=False),
    Column("tickets", BigInteger, nullable=False),
)

backfill = Table(
    "backfill",
    metadata,
    Column("source", String, ForeignKey("source.name", name="fk_backfill_source"), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("cursor", Text),
    Column("newest", BigInteger),
)

ticket = Table(
    "ticket",
    metadata,
    Column("source", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("series_id", Integer, ForeignKey("series.id", name="fk_ticket_series")),
    Column("counted", Boolean, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("attributes", BigInteger),
    sqlite_with_rowid=False,
)

attribute = Table(
    "attribute",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    UniqueConstraint("name", name="uq_attribute_name"),
)

attribute_set = Table(
    "attribute_set",
    metadata,
    Column("source", String, primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("members", LargeBinary, nullable=False),
    Column("series_id", Integer, ForeignKey("series.id", name="fk_attribute_set_series"), nullable=False),
    sqlite_with_rowid=False,
)

naming = Table(
    "naming",
    metadata,
    Column("source", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("names", Text, nullable=False),
    Column("pending", Boolean, nullable=False),
)

retired = Table(
    "retired",
    metadata,
    Column("series_id", Integer, ForeignKey("series.id", name="fk_retired_series"), primary_key=True),
)

count = Table(
    "count",
    metadata,
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("series_id", Integer, ForeignKey("series.id", name="fk_count_series"), primary_key=True),
    Column("tickets", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    sqlite_with_rowid=False,
)

share = Table(
    "share",
    metadata,
    Column("source", String, primary_key=True),
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("series_id", Integer, ForeignKey("series.id", name="fk_share_series"), primary_key=True),
    Column("tickets", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    sqlite_with_rowid=False,
)

feed = Table(
    "feed",
    metadata,
    Column("source", String, primary_key=True),
    Column(
        "series_id",
        Integer,
        ForeignKey("series.id", name="fk_feed_series", ondelete="CASCADE"),
        primary_key=True,
    ),
    sqlite_with_rowid=False,
)

judge = Table(
    "judge",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("judged_until", BigInteger),
    Column("next_number", BigInteger, nullable=False),
    Column("behind", Text),
)

incident = Table(
    "incident",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False),
    Column("place", Integer, nullable=False),
    Column("phase", String, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("opened_as", String, nullable=False),
    Column("closed_as", String),
    Column("json", Text, nullable=False),
    UniqueConstraint("id", name="uq_incident_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("key", String, nullable=False),
    Column("incident", String, nullable=False),
    Column("receiver", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("json", Text, nullable=False),
    UniqueConstraint("key", name="uq_outbox_key"),
)

act = Table(
    "act",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("key", String, nullable=False),
    Column("incident", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("json", Text, nullable=False),
    UniqueConstraint("key", name="uq_act_key"),
)

label = Table(
    "label",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("service", String),
    Column("category", String),
    Column("kind", String, nullable=False),
    Column("author", String, nullable=False),
    Column("note", Text),
    Column("recorded_at", BigInteger),
    Column("incident", String),
    sqlite_autoincrement=True,  # who removes a label by its number must not meet another one
)

silence = Table(
    "silence",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("json", Text, nullable=False),
)

told = Table(
    "told",
    metadata,
    Column("incident", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("receipt_channel", String, nullable=False),
    Column("receipt_message", String, nullable=False),
)
