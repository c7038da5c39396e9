import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('catalog', '0001_initial'),
        ('incidents', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80, unique=True)),
                ('synthetic', models.BooleanField(default=False)),
                ('turns', models.JSONField(default=dict, help_text='how often each round-robin step has paged')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'policies',
                'db_table': 'policy',
            },
        ),
        migrations.CreateModel(
            name='Escalation',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('snapshot', models.JSONField()),
                ('priority', models.SmallIntegerField()),
                ('group_id', models.BigIntegerField(help_text='the group that owned the incident at the start', null=True)),
                ('state', models.CharField(default='running', max_length=12)),
                ('cursor', models.JSONField(default=dict)),
                ('started_at', models.DateTimeField()),
                ('next_at', models.DateTimeField(null=True)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_why', models.CharField(default='', max_length=24)),
                ('error', models.TextField(default='')),
                ('acknowledged_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='escalations', to='incidents.incident')),
                ('policy', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='oncall.policy')),
            ],
            options={
                'db_table': 'escalation',
            },
        ),
        migrations.CreateModel(
            name='PolicyAssignment',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('priority', models.SmallIntegerField(blank=True, help_text='null: any priority', null=True)),
                ('hours', models.CharField(choices=[('any', 'any hour'), ('group', "group's hours")], default='any', max_length=8)),
                ('policy', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='oncall.policy')),
                ('service', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalog.service')),
            ],
            options={
                'db_table': 'policy_assignment',
            },
        ),
        migrations.CreateModel(
            name='PolicyVersion',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('number', models.IntegerField(default=1)),
                ('definition', models.JSONField()),
                ('valid_from', models.DateTimeField()),
                ('valid_to', models.DateTimeField(null=True)),
                ('created_by_id', models.BigIntegerField(null=True)),
                ('policy', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='oncall.policy')),
            ],
            options={
                'db_table': 'policy_version',
            },
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80, unique=True)),
                ('slug', models.SlugField(max_length=80, unique=True)),
                ('zone', models.CharField(default='UTC', max_length=64)),
                ('synthetic', models.BooleanField(default=False)),
                ('group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.supportgroup')),
            ],
            options={
                'db_table': 'schedule',
            },
        ),
        migrations.CreateModel(
            name='Override',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=8)),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField()),
                ('rank', models.IntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('schedule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='overrides', to='oncall.schedule')),
            ],
            options={
                'db_table': 'schedule_override',
            },
        ),
        migrations.CreateModel(
            name='ScheduleVersion',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('number', models.IntegerField(default=1)),
                ('definition', models.JSONField()),
                ('valid_from', models.DateTimeField()),
                ('valid_to', models.DateTimeField(null=True)),
                ('created_by_id', models.BigIntegerField(null=True)),
                ('schedule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='oncall.schedule')),
            ],
            options={
                'db_table': 'schedule_version',
            },
        ),
        migrations.CreateModel(
            name='SwapRequest',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('taken_at', models.DateTimeField(null=True)),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('giver', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('schedule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='swaps', to='oncall.schedule')),
                ('taker', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'schedule_swap',
            },
        ),
        migrations.CreateModel(
            name='Page',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('step', models.IntegerField(default=0)),
                ('cycle', models.IntegerField(default=0)),
                ('sink', models.CharField(default='', help_text='webhook or channel, when not a person', max_length=500)),
                ('because', models.JSONField(default=dict)),
                ('due_at', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('attempted_at', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('acknowledged_via', models.CharField(default='', max_length=16)),
                ('answer', models.CharField(default='', max_length=16)),
                ('key', models.CharField(max_length=120, unique=True)),
                ('ended_at', models.DateTimeField(help_text='answered, or no answer is wanted any more', null=True)),
                ('escalation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='pages', to='oncall.escalation')),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pages', to='incidents.incident')),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'page',
                'indexes': [models.Index(fields=['incident', 'id'], name='page_of_incident')],
            },
        ),
        migrations.AddIndex(
            model_name='escalation',
            index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at', 'id'], name='escalation_next'),
        ),
        migrations.AddConstraint(
            model_name='escalation',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('incident',), name='one_escalation_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='policyassignment',
            constraint=models.UniqueConstraint(fields=('service', 'priority'), name='policy_assignment_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='policyversion',
            constraint=models.UniqueConstraint(condition=models.Q(('valid_to', None)), fields=('policy',), name='policy_one_in_force'),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='override_ends_after_start'),
        ),
        migrations.AddConstraint(
            model_name='scheduleversion',
            constraint=models.UniqueConstraint(condition=models.Q(('valid_to', None)), fields=('schedule',), name='schedule_one_in_force'),
        ),
        migrations.AddConstraint(
            model_name='swaprequest',
            constraint=models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='swap_ends_after_start'),
        ),
    ]
