import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ChannelSetting',
            fields=[
                ('channel', models.CharField(max_length=24, primary_key=True, serialize=False)),
                ('enabled', models.BooleanField(default=True)),
                ('settings', models.JSONField(default=dict)),
                ('secret', models.TextField(default='', help_text='encrypted by core.secrets')),
            ],
            options={
                'db_table': 'channel_setting',
            },
        ),
        migrations.CreateModel(
            name='QuietHours',
            fields=[
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('start', models.TimeField()),
                ('end', models.TimeField()),
            ],
            options={
                'db_table': 'quiet_hours',
            },
        ),
        migrations.CreateModel(
            name='ContactMethod',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('channel', models.CharField(max_length=24)),
                ('address', models.CharField(max_length=500)),
                ('label', models.CharField(blank=True, default='', max_length=80)),
                ('verified_at', models.DateTimeField(null=True)),
                ('code_hash', models.CharField(default='', max_length=64)),
                ('code_expires_at', models.DateTimeField(null=True)),
                ('failing_since', models.DateTimeField(null=True)),
                ('active', models.BooleanField(default=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contact_methods', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'contact_method',
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('channel', models.CharField(max_length=24)),
                ('address', models.CharField(max_length=500)),
                ('page_id', models.BigIntegerField(null=True)),
                ('idempotency_key', models.CharField(max_length=120, unique=True)),
                ('due_at', models.DateTimeField()),
                ('state', models.CharField(default='due', max_length=10)),
                ('priority', models.SmallIntegerField(default=5, help_text='lane: 0 pages, 5 answers, 9 digests')),
                ('attempts', models.IntegerField(default=0)),
                ('fallback', models.JSONField(default=list, help_text='[channel, address, method id] to try if this one fails')),
                ('give_up_at', models.DateTimeField(help_text='no further attempt after this', null=True)),
                ('lease_until', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('mail_id', models.CharField(default='', help_text='Message-ID of a mail sent', max_length=255)),
                ('reason', models.CharField(default='', help_text='why it was dropped or failed for good', max_length=255)),
                ('method', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='notifications.contactmethod')),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'delivery',
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('ok', models.BooleanField()),
                ('answer', models.TextField(default='')),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tries', to='notifications.delivery')),
            ],
            options={
                'db_table': 'delivery_attempt',
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=40)),
                ('subject_type', models.CharField(default='incident', max_length=32)),
                ('subject_id', models.BigIntegerField(null=True)),
                ('subject', models.TextField()),
                ('body', models.TextField()),
                ('html', models.TextField(default='')),
                ('context', models.JSONField(default=dict)),
                ('urgency', models.CharField(default='low', max_length=4)),
                ('created_at', models.DateTimeField()),
                ('synthetic', models.BooleanField(default=False)),
            ],
            options={
                'db_table': 'message',
                'indexes': [models.Index(fields=['subject_type', 'subject_id', 'id'], name='message_subject')],
            },
        ),
        migrations.AddField(
            model_name='delivery',
            name='message',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='notifications.message'),
        ),
        migrations.CreateModel(
            name='NotificationRule',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('urgency', models.CharField(choices=[('high', 'high'), ('low', 'low')], default='high', max_length=4)),
                ('delay_minutes', models.IntegerField(default=0)),
                ('method', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='notifications.contactmethod')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notification_rules', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'notification_rule',
            },
        ),
        migrations.AddConstraint(
            model_name='contactmethod',
            constraint=models.UniqueConstraint(fields=('person', 'channel', 'address'), name='contact_method_once'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state__in', ['due', 'sending'])), fields=['priority', 'due_at', 'id'], name='delivery_next'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('mail_id', ''), _negated=True), fields=['mail_id'], name='delivery_mail_id'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('page_id__isnull', False)), fields=['page_id'], name='delivery_page'),
        ),
    ]
