"""The application's own count of what it logged, beside the lines themselves.

Every stream handler of the process, whoever made it (Django, gunicorn, Celery), writes one JSON
object a record to the file named by LEDGER, after the record went out: the stream, level, moment,
message, the type of its exception and the fields that were given as `extra`.
"""

import json
import logging
import os

# Attributes that every record has; what is left was given by the application.
OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def entry(handler, record):
    """Returns what a reader of the record's line must know."""
    path = getattr(handler, "baseFilename", None)
    error = record.exc_info[0] if record.exc_info and record.exc_info[0] else None
    extra = {key: value for key, value in vars(record).items() if key not in OWN}
    simple = {key: value for key, value in extra.items() if isinstance(value, (int, float, str))}
    return {
        "stream": os.path.basename(path) if path else "console",
        "logger": record.name,
        "level": record.levelname.lower(),
        "time_ms": record.created * 1000,
        "message": record.getMessage(),
        "error_type": f"{error.__module__}.{error.__qualname__}".removeprefix("builtins.") if error else None,
        "extra": simple,
    }


def install():
    """Makes every stream handler write the ledger; does nothing when it does so already."""
    if getattr(logging.StreamHandler.emit, "writes_ledger", False):
        return
    emit = logging.StreamHandler.emit
    ledger = os.open(os.environ["LEDGER"], os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)

    def counted(handler, record):
        emit(handler, record)
        # One write of one line: appends of several processes do not mix.
        os.write(ledger, (json.dumps(entry(handler, record)) + "\n").encode())

    counted.writes_ledger = True
    logging.StreamHandler.emit = counted
