"""The project: settings, routes and entry points of the learning platform."""

from .celery import app as celery_app

__all__ = ["celery_app"]
