"""What the platform keeps."""

from django.db import models


class Course(models.Model):
    """A course."""

    title = models.CharField(max_length=200)
    seats = models.IntegerField(default=30)
