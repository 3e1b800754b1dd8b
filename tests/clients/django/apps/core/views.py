"""Health of the platform."""

import logging

from django.core.cache import cache
from django.db import connection
from django.http import JsonResponse

logger = logging.getLogger(__name__)


def health_check(_request):
    """Health endpoint for load balancers and monitoring."""
    checks = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        checks["database"] = "ok"
    except Exception as error:
        logger.error(f"Database health check failed: {error}")
        checks["database"] = "error"
    cache.set("health_check", "ok", timeout=1)
    checks["cache"] = cache.get("health_check")
    status = "ok" if all(value == "ok" for value in checks.values()) else "degraded"
    return JsonResponse({"status": status, "checks": checks}, status=200 if status == "ok" else 503)
