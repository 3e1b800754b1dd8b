"""Django's command line for the learning platform of the tests."""

import os
import sys

import ledger

if __name__ == "__main__":
    ledger.install()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lms.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
