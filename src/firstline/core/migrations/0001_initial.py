import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Blob',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('filename', models.CharField(max_length=255)),
                ('content_type', models.CharField(max_length=127)),
                ('size', models.BigIntegerField()),
                ('sha256', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField()),
                ('erased_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'blob',
            },
        ),
        migrations.CreateModel(
            name='Content',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('body', models.TextField()),
                ('created_at', models.DateTimeField()),
                ('erased_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'content',
            },
        ),
        migrations.CreateModel(
            name='Setting',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('value', models.JSONField()),
            ],
            options={
                'db_table': 'setting',
            },
        ),
        migrations.CreateModel(
            name='Due',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=48)),
                ('subject_id', models.BigIntegerField()),
                ('due_at', models.DateTimeField()),
                ('payload', models.JSONField(default=dict)),
                ('attempts', models.IntegerField(default=0)),
                ('error', models.TextField(default='')),
                ('failing_since', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'due',
                'indexes': [models.Index(fields=['kind', 'due_at'], name='due_next'), models.Index(fields=['due_at'], name='due_first')],
                'constraints': [models.UniqueConstraint(fields=('kind', 'subject_id'), name='due_once')],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('subject_type', models.CharField(max_length=32)),
                ('subject_id', models.BigIntegerField()),
                ('verb', models.CharField(max_length=48)),
                ('occurred_at', models.DateTimeField()),
                ('recorded_at', models.DateTimeField()),
                ('actor_kind', models.CharField(max_length=8)),
                ('actor_id', models.BigIntegerField(null=True)),
                ('actor_via', models.CharField(default='', max_length=48)),
                ('changes', models.JSONField(default=dict)),
                ('why', models.JSONField(default=dict)),
                ('data', models.JSONField(default=dict)),
                ('content_id', models.BigIntegerField(null=True)),
            ],
            options={
                'db_table': 'event',
                'indexes': [models.Index(fields=['subject_type', 'subject_id', 'occurred_at', 'id'], name='event_subject'), models.Index(fields=['verb', 'occurred_at'], name='event_verb'), models.Index(fields=['recorded_at'], name='event_recorded')],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('scope', models.CharField(max_length=64)),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(max_length=64)),
                ('status', models.IntegerField(null=True)),
                ('body', models.JSONField(null=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'idempotency_key',
                'constraints': [models.UniqueConstraint(fields=('scope', 'key'), name='idempotency_once')],
            },
        ),
        migrations.CreateModel(
            name='RateWindow',
            fields=[
                ('key', models.CharField(max_length=120, primary_key=True, serialize=False)),
                ('started_at', models.DateTimeField()),
                ('count', models.IntegerField()),
            ],
            options={
                'db_table': 'rate_window',
                'indexes': [models.Index(fields=['started_at'], name='rate_window_started')],
            },
        ),
        migrations.CreateModel(
            name='TestClock',
            fields=[
                ('id', models.BooleanField(default=True, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
            options={
                'db_table': 'test_clock',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', True)), name='test_clock_single')],
            },
        ),
        migrations.CreateModel(
            name='BlobChunk',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('seq', models.IntegerField()),
                ('data', models.BinaryField()),
                ('blob', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='core.blob')),
            ],
            options={
                'db_table': 'blob_chunk',
                'constraints': [models.UniqueConstraint(fields=('blob', 'seq'), name='blob_chunk_once')],
            },
        ),
    ]
