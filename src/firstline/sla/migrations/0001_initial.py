import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('incidents', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Agreement',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80, unique=True)),
                ('kind', models.CharField(choices=[('SLA', 'SLA'), ('OLA', 'OLA')], default='SLA', max_length=4)),
                ('position', models.IntegerField(default=100)),
                ('active', models.BooleanField(default=True)),
            ],
            options={
                'db_table': 'agreement',
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='AgreementVersion',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('number', models.IntegerField(default=1)),
                ('definition', models.JSONField()),
                ('valid_from', models.DateTimeField()),
                ('valid_to', models.DateTimeField(null=True)),
                ('created_by_id', models.BigIntegerField(null=True)),
                ('agreement', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='sla.agreement')),
            ],
            options={
                'db_table': 'agreement_version',
            },
        ),
        migrations.CreateModel(
            name='Clock',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('target', models.CharField(max_length=12)),
                ('calendar_version_id', models.BigIntegerField(null=True)),
                ('state', models.CharField(max_length=10)),
                ('started_at', models.DateTimeField()),
                ('target_seconds', models.BigIntegerField()),
                ('elapsed_seconds', models.FloatField(default=0)),
                ('changed_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(null=True)),
                ('stopped_at', models.DateTimeField(null=True)),
                ('breached_at', models.DateTimeField(null=True)),
                ('warned', models.JSONField(default=list, help_text='shares already warned of')),
                ('next_at', models.DateTimeField(help_text='the next warn or breach instant while running', null=True)),
                ('flags', models.JSONField(default=dict)),
                ('agreement_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.agreementversion')),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='clocks', to='incidents.incident')),
            ],
            options={
                'db_table': 'clock',
            },
        ),
        migrations.AddConstraint(
            model_name='agreementversion',
            constraint=models.UniqueConstraint(condition=models.Q(('valid_to', None)), fields=('agreement',), name='agreement_one_in_force'),
        ),
        migrations.AddIndex(
            model_name='clock',
            index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at', 'id'], name='clock_next'),
        ),
        migrations.AddConstraint(
            model_name='clock',
            constraint=models.UniqueConstraint(fields=('incident', 'target'), name='clock_once'),
        ),
    ]
