"""gunicorn as the platform runs it: two workers, access log on stdout beside the error log."""

import ledger

ledger.install()

workers = 2
accesslog = "-"
errorlog = "-"
