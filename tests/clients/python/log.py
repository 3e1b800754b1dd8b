"""Logs a known script of events through a real Python library.

`python log.py CLIENT [quick]` prints the library's own lines on stdout, and appends to the file
named by MANIFEST one JSON object an event: what a reader of the line must know. `from_ms` and
`to_ms` are the clock before and after the call, so the line's own time lies between them.
"""

import json
import logging
import os
import sys
import time

CLIENTS = {}
# What cannot stand in a line is left out of the manifest by the client's own list.
FIELDS = ("level", "message", "request_id", "user_id", "duration_ms", "error_type")


class CardRefused(Exception):
    """An error of the application's own."""


def client(name, lacks=()):
    """Registers a client: a function that returns one function, log(event)."""

    def register(setup):
        CLIENTS[name] = (setup, set(lacks))
        return setup

    return register


def events(client_name):
    """The script: one event of each level, one of them with an exception."""
    ids = lambda number: {"request_id": f"r-{client_name}-{number}", "user_id": 4242}
    return [
        {"level": "info", "message": "course listed", "duration_ms": 12.5, **ids(1)},
        {"level": "error", "message": "payment failed", "error_type": "CardRefused", **ids(2)},
        {"level": "warning", "message": 'slow "answer" ü\tof the shop', "duration_ms": 1834.25, **ids(3)},
        {"level": "debug", "message": "cache miss", **ids(4)},
        {"level": "critical", "message": "database is gone", **ids(5)},
        {"level": "error", "message": "tax service does not answer", "error_type": "KeyError", **ids(6)},
    ]


def raising(event):
    """Raises the exception that an event names, over more than one frame."""
    if event["error_type"] == "KeyError":
        return {}["rate"]
    raise CardRefused("card refused\nby the bank")


def extra(event):
    return {key: event[key] for key in ("request_id", "user_id", "duration_ms") if key in event}


def stdlib(formatter):
    """Returns a logging function over the standard library with a formatter."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logger = logging.getLogger("apps.courses")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.DEBUG)

    def log(event):
        level = getattr(logging, event["level"].upper())
        if "error_type" in event:
            try:
                raising(event)
            except Exception:
                return logger.log(level, event["message"], exc_info=True, extra=extra(event))
        logger.log(level, event["message"], extra=extra(event))

    return log


@client("python-json-logger")
def python_json_logger():
    # The name of the class in version 2, which version 4 still has.
    from pythonjsonlogger.jsonlogger import JsonFormatter

    return stdlib(JsonFormatter("%(asctime)s %(name)s %(levelname)s %(message)s %(pathname)s %(lineno)d"))


@client("python-json-logger-timestamp")
def python_json_logger_timestamp():
    from pythonjsonlogger.jsonlogger import JsonFormatter

    return stdlib(JsonFormatter("%(levelname)s %(name)s %(message)s", timestamp=True))


@client("ecs-logging")
def ecs_logging():
    import ecs_logging

    return stdlib(ecs_logging.StdlibFormatter())


@client("json-log-formatter", lacks=("level",))
def json_log_formatter():
    import json_log_formatter

    return stdlib(json_log_formatter.JSONFormatter())


@client("json-log-formatter-verbose")
def json_log_formatter_verbose():
    import json_log_formatter

    return stdlib(json_log_formatter.VerboseJSONFormatter())


@client("logfmter")
def logfmter():
    from logfmter import Logfmter

    return stdlib(Logfmter(keys=["at", "when", "name"], mapping={"at": "levelname", "when": "asctime"}))


@client("stdlib-basic", lacks=("time", "request_id", "user_id", "duration_ms"))
def stdlib_basic():
    return stdlib(logging.Formatter(logging.BASIC_FORMAT))


@client("stdlib-usual", lacks=("request_id", "user_id", "duration_ms"))
def stdlib_usual():
    return stdlib(logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))


@client("stdlib-level-first", lacks=("request_id", "user_id", "duration_ms"))
def stdlib_level_first():
    return stdlib(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))


@client("stdlib-brackets", lacks=("request_id", "user_id", "duration_ms"))
def stdlib_brackets():
    return stdlib(logging.Formatter("[%(asctime)s] [%(levelname)s] [%(name)s] %(message)s"))


@client("stdlib-columns", lacks=("request_id", "user_id", "duration_ms"))
def stdlib_columns():
    layout = "%(asctime)s | %(levelname)-8s | %(name)s:%(funcName)s:%(lineno)d - %(message)s"
    return stdlib(logging.Formatter(layout, datefmt="%Y-%m-%d %H:%M:%S"))


@client("django-verbose", lacks=("request_id", "user_id", "duration_ms"))
def django_verbose():
    layout = "{levelname} {asctime} {name} {module} {process:d} {thread:d} {message}"
    return stdlib(logging.Formatter(layout, style="{"))


def structlog_logger(*processors):
    import structlog

    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            *processors,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    logger = structlog.get_logger()

    def log(event):
        write = getattr(logger, event["level"])
        if "error_type" in event:
            try:
                raising(event)
            except Exception:
                return write(event["message"], exc_info=True, **extra(event))
        write(event["message"], **extra(event))

    return log


@client("structlog")
def structlog_json():
    import structlog

    return structlog_logger(structlog.processors.format_exc_info, structlog.processors.JSONRenderer())


@client("structlog-dict")
def structlog_dict():
    import structlog

    return structlog_logger(structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer())


def loguru_logger(**sink):
    from loguru import logger

    logger.remove()
    logger.add(sys.stdout, level="DEBUG", **sink)

    def log(event):
        bound = logger.bind(**extra(event))
        if "error_type" in event:
            try:
                raising(event)
            except Exception:
                return bound.opt(exception=True).log(event["level"].upper(), event["message"])
        bound.log(event["level"].upper(), event["message"])

    return log


@client("loguru")
def loguru():
    return loguru_logger(serialize=True)


@client("loguru-text", lacks=("request_id", "user_id", "duration_ms"))
def loguru_text():
    return loguru_logger()


def main():
    name = sys.argv[1]
    setup, lacks = CLIENTS[name]
    script = events(name)[: 2 if "quick" in sys.argv[2:] else None]
    os.environ["TZ"] = "UTC"
    time.tzset()
    log = setup()
    manifest = open(os.environ["MANIFEST"], "a", encoding="utf-8")
    for event in script:
        before = time.time_ns()
        log(event)
        after = time.time_ns()
        expected = {key: event.get(key) for key in FIELDS if key not in lacks}
        expected["client"] = name
        if "time" not in lacks:
            expected["from_ms"], expected["to_ms"] = before / 1e6, after / 1e6
        manifest.write(json.dumps(expected) + "\n")
    manifest.flush()


main()
