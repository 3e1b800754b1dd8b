"""Settings of the learning platform. LMS_LOGGING names one of the LOGGING blocks."""

import os
import pathlib

from lms import logging_blocks

BASE_DIR = pathlib.Path(os.environ["LMS_DATA"])
(BASE_DIR / "logs").mkdir(exist_ok=True)

SECRET_KEY = os.environ.get("LMS_SECRET_KEY", "only-for-tests")
# Django records SQL, and logs to the console by default, in debug mode alone.
DEBUG = os.environ["LMS_LOGGING"] in {"staging", "django-default"}
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "lms.urls"
WSGI_APPLICATION = "lms.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = os.environ.get("LMS_TIME_ZONE", "UTC")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "apps.courses",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.core.middleware.GatewayUserMiddleware",
    "apps.core.middleware.RequestLoggingMiddleware",
]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "lms.sqlite3",
        "OPTIONS": {"timeout": 20},
    }
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

LOGGING = logging_blocks.BLOCKS[os.environ["LMS_LOGGING"]](BASE_DIR)

if os.environ["LMS_LOGGING"] == "django-structlog":
    INSTALLED_APPS.append("django_structlog")
    MIDDLEWARE.append("django_structlog.middlewares.RequestMiddleware")
    logging_blocks.configure_structlog()
