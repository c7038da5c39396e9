"""What Django's models cannot say: the log is immutable, the clock is the database's."""

from django.db import migrations

IMMUTABLE = """
CREATE FUNCTION event_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION event_is_immutable();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION event_is_immutable();
"""
MUTABLE = """
DROP TRIGGER event_no_truncate ON event;
DROP TRIGGER event_no_change ON event;
DROP FUNCTION event_is_immutable();
"""

CLOCK = """
CREATE FUNCTION firstline_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT coalesce((SELECT at FROM test_clock), clock_timestamp())';
CREATE FUNCTION test_clock_only_in_tests() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('firstline.testing', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'the clock moves only in tests (firstline.testing is not on)';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER test_clock_guard BEFORE INSERT OR UPDATE ON test_clock
    FOR EACH ROW EXECUTE FUNCTION test_clock_only_in_tests();
"""
NO_CLOCK = """
DROP TRIGGER test_clock_guard ON test_clock;
DROP FUNCTION test_clock_only_in_tests();
DROP FUNCTION firstline_now();
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [
        migrations.RunSQL(IMMUTABLE, MUTABLE),
        migrations.RunSQL(CLOCK, NO_CLOCK),
    ]
