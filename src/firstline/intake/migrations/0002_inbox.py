"""The inbox: raw requests, partitioned by day, without foreign keys (see docs/adr)."""

from django.db import migrations

CREATE = """
CREATE SEQUENCE inbox_id_seq;
CREATE TABLE inbox (
    id bigint NOT NULL DEFAULT nextval('inbox_id_seq'),
    received_at timestamptz NOT NULL,
    source_id bigint NOT NULL,
    kind text NOT NULL DEFAULT 'alert',
    content_type text NOT NULL DEFAULT '',
    headers jsonb NOT NULL DEFAULT '{}',
    body bytea NOT NULL,
    dedup_key text,
    state text NOT NULL DEFAULT 'new',
    error text NOT NULL DEFAULT '',
    attempts int NOT NULL DEFAULT 0,
    next_at timestamptz,
    signals int,
    PRIMARY KEY (received_at, id)
) PARTITION BY RANGE (received_at);
ALTER SEQUENCE inbox_id_seq OWNED BY inbox.id;
CREATE INDEX inbox_new ON inbox (source_id, id) WHERE state = 'new';
CREATE INDEX inbox_failed ON inbox (source_id, id) WHERE state = 'failed';
CREATE INDEX inbox_recent ON inbox (source_id, received_at DESC, id DESC);
CREATE TABLE inbox_default PARTITION OF inbox DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [("intake", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, "DROP TABLE inbox")]
