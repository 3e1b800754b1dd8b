"""Fills the queue of the platform's tasks."""

from apps.courses import tasks
from lms import celery_app


def fill(rounds):
    """Sends every task, some of which fail; four of them end in each round."""
    celery_app.set_default()
    for _ in range(rounds):
        tasks.grade.delay(7)
        tasks.certificate.delay(3)
        tasks.remind.delay("ada")
        tasks.grade.delay(8)
