import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('incidents', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Confirmation',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('resolution_number', models.IntegerField(default=1, help_text='1 + reopenings at that time')),
                ('asked_at', models.DateTimeField()),
                ('close_at', models.DateTimeField(help_text='closes by silence then; null: only a person closes it', null=True)),
                ('reminded_at', models.DateTimeField(null=True)),
                ('answered_at', models.DateTimeField(null=True)),
                ('answer', models.CharField(default='', max_length=14)),
                ('ask_rating', models.BooleanField(default=True)),
                ('rating', models.SmallIntegerField(null=True)),
                ('rating_comment_id', models.BigIntegerField(null=True)),
                ('rated_at', models.DateTimeField(null=True)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='confirmations', to='incidents.incident')),
                ('on_behalf_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'confirmation',
                'indexes': [models.Index(condition=models.Q(('answered_at', None)), fields=['close_at', 'id'], name='confirmation_waiting')],
                'constraints': [models.UniqueConstraint(fields=('incident', 'resolution_number'), name='confirmation_once'), models.CheckConstraint(condition=models.Q(('rating__isnull', True), models.Q(('rating__gte', 1), ('rating__lte', 5)), _connector='OR'), name='rating_one_to_five')],
            },
        ),
    ]
