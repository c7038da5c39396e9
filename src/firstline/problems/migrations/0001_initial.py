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
            name='Problem',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('title', models.CharField(max_length=255)),
                ('description', models.TextField(blank=True, default='')),
                ('state', models.CharField(default='open', max_length=12)),
                ('root_cause', models.TextField(blank=True, default='')),
                ('workaround', models.TextField(blank=True, default='')),
                ('public', models.BooleanField(default=False)),
                ('match_words', models.CharField(blank=True, default='', max_length=255)),
                ('security', models.BooleanField(default=False)),
                ('synthetic', models.BooleanField(default=False)),
                ('opened_at', models.DateTimeField()),
                ('known_error_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('version', models.IntegerField(default=1)),
                ('category', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalog.category')),
                ('group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.supportgroup')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('service', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalog.service')),
            ],
            options={
                'db_table': 'problem',
            },
        ),
        migrations.CreateModel(
            name='PreventiveAction',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('title', models.CharField(max_length=255)),
                ('due_on', models.DateField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('problem', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='actions', to='problems.problem')),
            ],
            options={
                'db_table': 'preventive_action',
            },
        ),
        migrations.CreateModel(
            name='ProblemIncident',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('linked_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='incidents.incident')),
                ('problem', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='incidents', to='problems.problem')),
            ],
            options={
                'db_table': 'problem_incident',
                'constraints': [models.UniqueConstraint(fields=('problem', 'incident'), name='problem_incident_once')],
            },
        ),
    ]
