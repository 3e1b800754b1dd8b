"""The platform's middleware: who asks, and what was answered."""

import logging
import time

from django.contrib.auth.middleware import PersistentRemoteUserMiddleware

logger = logging.getLogger(__name__)


class GatewayUserMiddleware(PersistentRemoteUserMiddleware):
    """Believes the gateway's header about who asks."""

    header = "HTTP_X_USER"


class RequestLoggingMiddleware:
    """Log all HTTP requests with timing."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        start_time = time.time()
        response = self.get_response(request)
        duration = time.time() - start_time
        logger.info(
            "HTTP Request",
            extra={
                "method": request.method,
                "path": request.path,
                "status_code": response.status_code,
                "duration_ms": round(duration * 1000, 2),
                "user_id": request.user.id if request.user.is_authenticated else None,
                "request_id": request.headers.get("X-Request-Id"),
                "ip_address": self.get_client_ip(request),
            },
        )
        return response

    @staticmethod
    def get_client_ip(request):
        """Get client IP address."""
        x_forwarded_for = request.META.get("HTTP_X_FORWARDED_FOR")
        if x_forwarded_for:
            return x_forwarded_for.split(",")[0]
        return request.META.get("REMOTE_ADDR")
