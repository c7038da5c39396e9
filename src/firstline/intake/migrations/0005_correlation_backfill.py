"""What the alerts of incidents in progress are found by, so that alerts after the upgrade still join them.

Entities are kept from the upgrade on: old ones are in a spelling that each tool chose.
"""

from django.db import migrations

KEYS = """
INSERT INTO incident_key (incident_id, ground, value, detail, role, first_at, last_at, count)
SELECT s.incident_id, k.ground, k.value, k.detail, '', min(s.first_seen_at), max(s.first_seen_at), count(*)
FROM incident i
JOIN alert_span s ON s.incident_id = i.id
CROSS JOIN LATERAL (VALUES
  ('ci', s.ci_id::text, ''),
  ('service', s.service_id::text, ''),
  ('group', CASE WHEN s.grouping_key <> '' THEN s.source_id || ':' || s.grouping_key END, s.grouping_key)
) AS k(ground, value, detail)
WHERE i.state IN ('new', 'assigned', 'in_progress', 'on_hold', 'resolved')
  AND k.value IS NOT NULL AND length(k.value) <= 280
GROUP BY 1, 2, 3, 4
ON CONFLICT DO NOTHING
"""
SIZES = """
INSERT INTO incident_alerts (incident_id, size, proposes)
SELECT s.incident_id, count(*), false
FROM incident i JOIN alert_span s ON s.incident_id = i.id
WHERE i.state IN ('new', 'assigned', 'in_progress', 'on_hold', 'resolved')
GROUP BY 1
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("intake", "0004_noise")]

    operations = [
        migrations.RunSQL(KEYS, migrations.RunSQL.noop),
        migrations.RunSQL(SIZES, migrations.RunSQL.noop),
    ]
