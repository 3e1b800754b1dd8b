"""The platform's API. Some of it fails, as real ones do."""

import logging
import time

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.utils import ProgrammingError
from django.http import Http404, JsonResponse

from apps.courses.models import Course

logger = logging.getLogger(__name__)


class PaymentError(Exception):
    """The bank does not want to."""


def courses(_request):
    """Lists courses."""
    titles = list(Course.objects.values_list("title", flat=True)[:10])
    logger.debug("courses listed", extra={"count": len(titles)})
    return JsonResponse({"courses": titles})


def course(_request, course_id):
    """Shows a course."""
    found = Course.objects.filter(pk=course_id).first()
    if found is None:
        raise Http404(f"no course {course_id}")
    return JsonResponse({"title": found.title})


def enroll(request, course_id):
    """Enrolls a user."""
    Course.objects.update_or_create(pk=course_id, defaults={"title": f"Course {course_id}"})
    logger.info(
        "User enrolled in course",
        extra={"user_id": request.user.id, "course_id": course_id, "event_type": "enrollment"},
    )
    return JsonResponse({"enrolled": True}, status=201)


def attempt(_request, quiz_id):
    """Fails: a division that nobody catches."""
    return JsonResponse({"score": quiz_id / (quiz_id - quiz_id)})


def report(_request):
    """Fails: one exception caused by another."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT total FROM reports_of_nobody WHERE day = %s", ["2026-11-20"])
    return JsonResponse({})


def export(_request):
    """Fails: with the text that PostgreSQL's driver gives, over several lines."""
    raise ProgrammingError(
        'relation "exports" does not exist\nLINE 1: SELECT total FROM exports\n'
        + " " * 26
        + "^\n"
    )


def admin(_request):
    """Is not allowed."""
    raise PermissionDenied


def pay(request):
    """Fails, catches it, logs it and answers."""
    try:
        raise PaymentError("card refused\nby the bank, order 17")
    except PaymentError as error:
        logger.error(
            "Payment processing failed",
            exc_info=True,
            extra={"user_id": request.user.id, "error": str(error), "order_id": 17},
        )
    logger.warning("Payment is tried again", extra={"order_id": 17, "tries": 2})
    return JsonResponse({"paid": False}, status=402)


def slow(_request):
    """Takes its time."""
    time.sleep(0.15)
    return JsonResponse({})
