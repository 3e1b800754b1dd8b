"""The application's own count of what it logged, beside the lines themselves.

Every stream handler of the process, whoever made it (Django, gunicorn, Celery), writes one JSON
object a record to the file named by LEDGER, after the record went out: the stream, level, moment,
message, the type of its exception and the fields that were given as `extra`.
"""

import json
import logging
import os
import sys
import threading

# Attributes that every record has; what is left was given by the application.
OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
# The exception of the event that structlog renders in this thread; it reaches no record.
RENDERED = threading.local()


def remember_error(_logger, _name, event):
    """A processor of structlog: notes the exception before it becomes text."""
    error = event.get("exc_info")
    if error is True:
        error = sys.exc_info()[1]
    RENDERED.error = error if isinstance(error, BaseException) else None
    return event


def entry(handler, record):
    """Returns what a reader of the record's line must know."""
    path = getattr(handler, "baseFilename", None)
    error = record.exc_info[1] if record.exc_info and record.exc_info[1] else None
    extra = {key: value for key, value in vars(record).items() if key not in OWN}
    message = record.getMessage()
    if isinstance(record.msg, dict):
        # structlog hands its event over as the message of a record.
        extra, message = record.msg, record.msg["event"]
        error, RENDERED.error = getattr(RENDERED, "error", None), None
    simple = {key: value for key, value in extra.items() if isinstance(value, (int, float, str))}
    return {
        "stream": os.path.basename(path) if path else "console",
        "logger": record.name,
        "level": record.levelname.lower(),
        "time_ms": record.created * 1000,
        "message": message,
        "error_type": type_name(error) if error else None,
        "error_text": str(error) if error else None,
        "extra": simple,
    }


def type_name(error):
    """Returns the name of an exception's type as tracebacks write it."""
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


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
