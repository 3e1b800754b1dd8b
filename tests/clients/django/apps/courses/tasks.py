"""What Celery's workers do."""

from celery import shared_task
from celery.utils.log import get_task_logger

logger = get_task_logger(__name__)


class GradeMissing(LookupError):
    """A grade that the quiz service does not have."""


@shared_task
def grade(quiz_id):
    """Grades a quiz."""
    logger.info("Grading quiz %s", quiz_id)
    return {"quiz": quiz_id, "points": 7}


@shared_task
def certificate(course_id):
    """Fails as a task does that nobody catches."""
    return {}["template"] + str(course_id)


@shared_task(bind=True, max_retries=1, default_retry_delay=0)
def remind(self, user):
    """Fails once, is tried again, fails for good."""
    try:
        raise GradeMissing(f"no grade of quiz 7\nfor {user} yet")
    except GradeMissing as error:
        logger.warning("Reminder of %s is tried again", user)
        raise self.retry(exc=error)
