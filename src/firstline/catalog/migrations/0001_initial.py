import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BusinessCalendar",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80, unique=True)),
            ],
            options={
                "db_table": "calendar",
            },
        ),
        migrations.CreateModel(
            name="ResolutionCode",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", models.SlugField(max_length=40, unique=True)),
                ("name", models.CharField(max_length=80)),
                ("active", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "resolution_code",
            },
        ),
        migrations.CreateModel(
            name="GroupHours",
            fields=[
                (
                    "group",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.supportgroup",
                    ),
                ),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.businesscalendar",
                    ),
                ),
            ],
            options={
                "db_table": "group_hours",
            },
        ),
        migrations.CreateModel(
            name="Service",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120, unique=True)),
                ("slug", models.SlugField(max_length=120, unique=True)),
                ("description", models.TextField(blank=True, default="")),
                (
                    "criticality",
                    models.CharField(
                        choices=[
                            ("low", "low"),
                            ("medium", "medium"),
                            ("high", "high"),
                            ("critical", "critical"),
                        ],
                        default="medium",
                        max_length=8,
                    ),
                ),
                ("users", models.IntegerField(default=0, help_text="how many people use it; 0 = not known")),
                ("several_from", models.IntegerField(default=2)),
                ("site_from", models.IntegerField(default=10)),
                ("all_from", models.IntegerField(default=50)),
                ("cost_per_hour", models.DecimalField(decimal_places=2, default=0, max_digits=12)),
                ("public_facing", models.BooleanField(default=False)),
                ("questions", models.JSONField(blank=True, default=list)),
                ("in_portal", models.BooleanField(default=True)),
                ("synthetic", models.BooleanField(default=False)),
                ("active", models.BooleanField(default=True)),
                (
                    "calendar",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="catalog.businesscalendar",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.supportgroup",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "service",
            },
        ),
        migrations.CreateModel(
            name="ConfigurationItem",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=160, unique=True)),
                ("kind", models.CharField(default="host", max_length=40)),
                (
                    "aliases",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=160), blank=True, default=list, size=None
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="catalog.service",
                    ),
                ),
            ],
            options={
                "db_table": "configuration_item",
            },
        ),
        migrations.CreateModel(
            name="Category",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80)),
                (
                    "path",
                    models.CharField(
                        help_text="names from the root, joined by ' › '", max_length=255, unique=True
                    ),
                ),
                ("cause_required", models.BooleanField(default=False)),
                ("runbook", models.TextField(blank=True, default="")),
                ("active", models.BooleanField(default=True)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.supportgroup",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="catalog.category",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="catalog.service",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "categories",
                "db_table": "category",
            },
        ),
        migrations.CreateModel(
            name="ServiceDependency",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="needs",
                        to="catalog.service",
                    ),
                ),
                (
                    "upstream",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="needed_by",
                        to="catalog.service",
                    ),
                ),
            ],
            options={
                "db_table": "service_dependency",
            },
        ),
        migrations.AddField(
            model_name="service",
            name="depends_on",
            field=models.ManyToManyField(
                related_name="dependents", through="catalog.ServiceDependency", to="catalog.service"
            ),
        ),
        migrations.CreateModel(
            name="CalendarVersion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.IntegerField(default=1)),
                ("definition", models.JSONField()),
                ("valid_from", models.DateTimeField()),
                ("valid_to", models.DateTimeField(null=True)),
                ("created_by_id", models.BigIntegerField(null=True)),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="catalog.businesscalendar",
                    ),
                ),
            ],
            options={
                "db_table": "calendar_version",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("valid_to", None)),
                        fields=("calendar",),
                        name="calendar_one_in_force",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("reference", models.CharField(blank=True, default="", max_length=64)),
                ("title", models.CharField(max_length=255)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("planned", "planned"),
                            ("implementing", "implementing"),
                            ("implemented", "implemented"),
                            ("cancelled", "cancelled"),
                        ],
                        default="implemented",
                        max_length=14,
                    ),
                ),
                ("planned_start", models.DateTimeField(blank=True, null=True)),
                ("planned_end", models.DateTimeField(blank=True, null=True)),
                ("happened_at", models.DateTimeField(blank=True, null=True)),
                ("source_id", models.BigIntegerField(null=True)),
                ("source_key", models.CharField(max_length=255, null=True)),
                ("links", models.JSONField(default=list)),
                (
                    "ci",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="catalog.configurationitem",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="catalog.service",
                    ),
                ),
            ],
            options={
                "db_table": "change",
                "indexes": [models.Index(fields=["service", "-happened_at"], name="change_of_service")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("source_key__isnull", False)),
                        fields=("source_id", "source_key"),
                        name="change_once_per_source",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="servicedependency",
            constraint=models.UniqueConstraint(fields=("service", "upstream"), name="dependency_once"),
        ),
        migrations.AddConstraint(
            model_name="servicedependency",
            constraint=models.CheckConstraint(
                condition=models.Q(("service", models.F("upstream")), _negated=True),
                name="dependency_not_on_itself",
            ),
        ),
    ]
