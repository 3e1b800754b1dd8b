"""The platform under gunicorn."""

import os

import ledger
from django.core.wsgi import get_wsgi_application

ledger.install()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lms.settings")
application = get_wsgi_application()
