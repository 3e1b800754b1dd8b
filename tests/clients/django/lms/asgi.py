"""The platform under uvicorn."""

import os

import ledger
from django.core.asgi import get_asgi_application

ledger.install()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lms.settings")
application = get_asgi_application()
