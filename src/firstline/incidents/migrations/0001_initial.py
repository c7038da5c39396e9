import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('catalog', '0001_initial'),
        ('core', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(default='incident', max_length=8)),
                ('title', models.CharField(max_length=255)),
                ('description', models.TextField(blank=True, default='')),
                ('channel', models.CharField(max_length=12)),
                ('state', models.CharField(default='new', max_length=12)),
                ('hold_reason', models.CharField(default='', max_length=12)),
                ('look_again_at', models.DateTimeField(null=True)),
                ('detected_at', models.DateTimeField()),
                ('received_at', models.DateTimeField()),
                ('registered_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('caller_phone', models.CharField(blank=True, default='', max_length=40)),
                ('caller_place', models.CharField(blank=True, default='', max_length=120)),
                ('preferred_channel', models.CharField(blank=True, default='e-mail', max_length=16)),
                ('source_id', models.BigIntegerField(null=True)),
                ('degradation', models.CharField(default='degraded', max_length=8)),
                ('extent', models.CharField(default='one', max_length=8)),
                ('can_work', models.CharField(default='difficulty', max_length=12)),
                ('deadline', models.DateTimeField(null=True)),
                ('severity', models.CharField(default='', max_length=8)),
                ('affected_users', models.IntegerField(default=1)),
                ('impact', models.SmallIntegerField(null=True)),
                ('urgency', models.SmallIntegerField(null=True)),
                ('priority', models.SmallIntegerField(null=True)),
                ('priority_fixed', models.BooleanField(default=False)),
                ('proposed_priority', models.SmallIntegerField(null=True)),
                ('security', models.BooleanField(default=False)),
                ('verdict', models.CharField(default='', max_length=14)),
                ('tlp', models.CharField(default='', max_length=12)),
                ('personal_data', models.BooleanField(default=False)),
                ('reassignments', models.IntegerField(default=0)),
                ('reopenings', models.IntegerField(default=0)),
                ('alert_reopenings', models.IntegerField(default=0)),
                ('resolution_notes', models.TextField(blank=True, default='')),
                ('cause', models.TextField(blank=True, default='')),
                ('resolved_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('closed_how', models.CharField(default='', max_length=12)),
                ('cancel_reason', models.CharField(default='', max_length=16)),
                ('first_response_at', models.DateTimeField(null=True)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('problem_id', models.BigIntegerField(null=True)),
                ('major', models.CharField(default='', max_length=10)),
                ('caller_replied_at', models.DateTimeField(null=True)),
                ('stop_auto_close', models.BooleanField(default=False)),
                ('public_title', models.CharField(blank=True, default='', max_length=255)),
                ('public_status', models.TextField(blank=True, default='')),
                ('published_at', models.DateTimeField(null=True)),
                ('work_next_at', models.DateTimeField(null=True)),
                ('synthetic', models.BooleanField(default=False)),
                ('imported_from', models.CharField(max_length=64, null=True)),
                ('version', models.IntegerField(default=1)),
                ('search', models.GeneratedField(db_persist=True, expression=django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.SearchVector('title', config='simple', weight='A'), '||', django.contrib.postgres.search.SearchVector('description', config='simple', weight='B'), django.contrib.postgres.search.SearchConfig('simple')), '||', django.contrib.postgres.search.SearchVector('resolution_notes', config='simple', weight='C'), django.contrib.postgres.search.SearchConfig('simple')), output_field=django.contrib.postgres.search.SearchVectorField())),
                ('assignee', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('caller', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('category', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalog.category')),
                ('ci', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalog.configurationitem')),
                ('group', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.supportgroup')),
                ('merged_into', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='merged', to='incidents.incident')),
                ('parent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='children', to='incidents.incident')),
                ('reporter', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('resolution_code', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalog.resolutioncode')),
                ('resolved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('service', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalog.service')),
            ],
            options={
                'db_table': 'incident',
            },
        ),
        migrations.CreateModel(
            name='Matrix',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('impacts', models.JSONField()),
                ('urgencies', models.JSONField()),
                ('cells', models.JSONField()),
                ('valid_from', models.DateTimeField()),
                ('created_by_id', models.BigIntegerField(null=True)),
            ],
            options={
                'db_table': 'priority_matrix',
            },
        ),
        migrations.CreateModel(
            name='Comment',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public', models.BooleanField()),
                ('from_address', models.CharField(default='', max_length=254)),
                ('via', models.CharField(default='console', max_length=12)),
                ('automatic', models.BooleanField(default=False)),
                ('third_party', models.BooleanField(default=False, help_text='neither caller nor watcher wrote it')),
                ('created_at', models.DateTimeField()),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('content', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.content')),
                ('quoted', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.content')),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='comments', to='incidents.incident')),
            ],
            options={
                'db_table': 'comment',
            },
        ),
        migrations.CreateModel(
            name='Diagnosis',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('cause', models.TextField()),
                ('confirmed', models.BooleanField(default=False)),
                ('services', models.TextField(blank=True, default='')),
                ('users', models.CharField(blank=True, default='', max_length=80)),
                ('affected_from', models.DateTimeField(null=True)),
                ('affected_to', models.DateTimeField(null=True)),
                ('steps_taken', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField()),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='diagnoses', to='incidents.incident')),
            ],
            options={
                'db_table': 'diagnosis_statement',
            },
        ),
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField()),
                ('added_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('blob', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.blob')),
                ('comment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='attachments', to='incidents.comment')),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attachments', to='incidents.incident')),
            ],
            options={
                'db_table': 'attachment',
            },
        ),
        migrations.CreateModel(
            name='AffectedUser',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('why', models.CharField(default='me_too', max_length=8)),
                ('at', models.DateTimeField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='affected', to='incidents.incident')),
                ('merged_from', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='incidents.incident')),
            ],
            options={
                'db_table': 'affected_user',
            },
        ),
        migrations.CreateModel(
            name='Link',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('change_id', models.BigIntegerField(null=True)),
                ('kind', models.CharField(max_length=16)),
                ('created_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='links', to='incidents.incident')),
                ('other', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='linked_from', to='incidents.incident')),
            ],
            options={
                'db_table': 'incident_link',
            },
        ),
        migrations.CreateModel(
            name='Merge',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('state_before', models.CharField(max_length=12)),
                ('merged_at', models.DateTimeField()),
                ('undone_at', models.DateTimeField(null=True)),
                ('duplicate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='incidents.incident')),
                ('original', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='incidents.incident')),
            ],
            options={
                'db_table': 'incident_merge',
            },
        ),
        migrations.CreateModel(
            name='StatusUpdate',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField()),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('content', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.content')),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='status_updates', to='incidents.incident')),
            ],
            options={
                'db_table': 'status_update',
            },
        ),
        migrations.CreateModel(
            name='Task',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('title', models.CharField(max_length=255)),
                ('state', models.CharField(default='open', max_length=10)),
                ('created_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('assignee', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tasks', to='incidents.incident')),
            ],
            options={
                'db_table': 'task',
            },
        ),
        migrations.CreateModel(
            name='Watcher',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='watchers', to='incidents.incident')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'watcher',
            },
        ),
        migrations.CreateModel(
            name='MajorIncident',
            fields=[
                ('incident', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='major_facts', serialize=False, to='incidents.incident')),
                ('proposed_at', models.DateTimeField(null=True)),
                ('declared_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('update_every_minutes', models.IntegerField(default=30)),
                ('next_update_at', models.DateTimeField(null=True)),
                ('review', models.TextField(default='')),
                ('commander', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('communications', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('scribe', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'major_incident',
            },
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('state__in', ('new', 'assigned', 'in_progress', 'on_hold'))), fields=['work_next_at', 'id'], name='incident_work_next'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('state__in', ('new', 'assigned', 'in_progress', 'on_hold'))), fields=['group', 'work_next_at', 'id'], name='incident_of_group'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('state__in', ('new', 'assigned', 'in_progress', 'on_hold'))), fields=['assignee', 'work_next_at', 'id'], name='incident_of_person'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['service', '-registered_at'], name='incident_of_service'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['caller', '-registered_at'], name='incident_of_caller'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['-updated_at', '-id'], name='incident_updated'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['-registered_at', '-id'], name='incident_registered'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('state', 'resolved')), fields=['resolved_at', 'id'], name='incident_to_confirm'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('state', 'on_hold')), fields=['look_again_at'], name='incident_look_again'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('parent__isnull', False)), fields=['parent'], name='incident_children'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('published_at__isnull', False)), fields=['published_at'], name='incident_published'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search'], name='incident_search'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(fields=('imported_from',), name='incident_imported_once'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(('detected_at__lte', models.F('registered_at'))), name='detected_before_registered'),
        ),
        migrations.AddIndex(
            model_name='comment',
            index=models.Index(fields=['incident', 'created_at', 'id'], name='comment_of_incident'),
        ),
        migrations.AddIndex(
            model_name='affecteduser',
            index=models.Index(fields=['person', '-id'], name='affected_of_person'),
        ),
        migrations.AddConstraint(
            model_name='affecteduser',
            constraint=models.UniqueConstraint(fields=('incident', 'person'), name='affected_once'),
        ),
        migrations.AddConstraint(
            model_name='link',
            constraint=models.UniqueConstraint(fields=('incident', 'other', 'kind', 'change_id'), name='link_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='watcher',
            constraint=models.UniqueConstraint(fields=('incident', 'person'), name='watcher_once'),
        ),
    ]
