import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('catalog', '0001_initial'),
        ('incidents', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Check',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=120, unique=True)),
                ('kind', models.CharField(choices=[('http', 'HTTP'), ('tcp', 'TCP')], max_length=8)),
                ('target', models.CharField(help_text='URL, or host:port', max_length=500)),
                ('expect', models.CharField(blank=True, default='', max_length=120)),
                ('timeout_seconds', models.IntegerField(default=5)),
                ('active', models.BooleanField(default=True)),
                ('ci', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalog.configurationitem')),
                ('service', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalog.service')),
            ],
            options={
                'db_table': 'check_target',
            },
        ),
        migrations.CreateModel(
            name='CheckRun',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('ok', models.BooleanField()),
                ('milliseconds', models.IntegerField()),
                ('answer', models.CharField(default='', max_length=500)),
                ('incident', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='incidents.incident')),
                ('target', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='diagnosis.check')),
            ],
            options={
                'db_table': 'check_run',
                'indexes': [models.Index(fields=['target', '-at'], name='check_run_last')],
            },
        ),
        migrations.CreateModel(
            name='Evidence',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=16)),
                ('key', models.CharField(max_length=80)),
                ('data', models.JSONField(default=dict)),
                ('why', models.JSONField(default=dict)),
                ('score', models.FloatField(default=0)),
                ('seen_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='evidence', to='incidents.incident')),
            ],
            options={
                'db_table': 'evidence',
                'constraints': [models.UniqueConstraint(fields=('incident', 'kind', 'key'), name='evidence_once')],
            },
        ),
    ]
