"""The loggers of Python, Node.js, Go, Java and Rust: each logs the script, each line is checked."""

import json
import os
import pathlib
import subprocess
import tempfile

from compare import hold
from store import Failure, Store

PYTHON = [
    "python-json-logger",
    "python-json-logger-timestamp",
    "python-json-logger-2",
    "structlog",
    "structlog-dict",
    "loguru",
    "loguru-text",
    "ecs-logging",
    "json-log-formatter",
    "json-log-formatter-verbose",
    "logfmter",
    "stdlib-basic",
    "stdlib-usual",
    "stdlib-level-first",
    "stdlib-brackets",
    "stdlib-columns",
    "django-verbose",
]
NODE = [
    "pino",
    "pino-labels",
    "pino-http",
    "winston",
    "winston-coloured",
    "winston-plain",
    "bunyan",
    "log4js",
    "morgan-combined",
    "morgan-common",
]
GO = [
    "zap",
    "zap-console",
    "zerolog",
    "logrus",
    "logrus-text",
    "slog",
    "slog-text",
    "apex",
    "apex-logfmt",
    "go-log",
]
JAVA = [
    "logstash-logback-encoder",
    "logback-ecs-encoder",
    "logback-json-encoder",
    "logback-basic",
    "logback-pattern",
    "spring-boot",
    "log4j2-ecs",
    "log4j2-gelf",
    "log4j2-json-template",
    "log4j2-logstash",
    "log4j2-pattern",
]
RUST = ["tracing", "tracing-text", "tracing-coloured", "env_logger"]
# Loguru shows the values of variables beside each frame, and the user's id is one of them: a search
# for the plain id finds such a line by the text alone.
SHOWS_VARIABLES = {"loguru-text"}
LANGUAGES = {"python": PYTHON, "node": NODE, "go": GO, "java": JAVA, "rust": RUST}
def command(language, client, work, programs):
    """Returns the command line that runs a client, and what it adds to the environment."""
    added = {}
    if language == "python":
        name = client
        if client == "python-json-logger-2":
            name = "python-json-logger"
            added["PYTHONPATH"] = str(work / "python-json-logger-2")
        return [work / "venv/bin/python", programs / "python/log.py", name], added
    if language == "node":
        return ["node", work / "node/log.mjs", client], added
    if language == "go":
        return [work / "go/clients", client], added
    if language == "rust":
        return [work / "rust/debug/clients", client], added
    jars = f"{work}/java/target/clients.jar:{work}/java/target/lib/*"
    options = ["-Duser.timezone=UTC", "-Dfile.encoding=UTF-8", "-XX:TieredStopAtLevel=1"]
    return ["java", *options, "-cp", jars, "clients.Main", client], added


def environment(manifest, added):
    """Returns the environment of a client."""
    return {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8", "MANIFEST": str(manifest), **added}


def check(language, client, tierlog, work, programs, length):
    """Runs one client into a store of its own."""
    with tempfile.TemporaryDirectory(prefix="tierlog-client-") as home:
        manifest = pathlib.Path(home) / "manifest.jsonl"
        line, added = command(language, client, work, programs)
        if length == "quick":
            line.append("quick")
        with Store(tierlog, home) as store:
            program = subprocess.Popen(
                line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(manifest, added)
            )
            sender = store.sender("--plain", stdin=program.stdout)
            program.stdout.close()
            complaints = program.stderr.read().decode(errors="replace")
            if program.wait(timeout=60) != 0:
                raise Failure(f"{client} ended with {program.returncode}: {complaints}")
            store.sent(sender)
            expected = [json.loads(line) for line in manifest.read_text().splitlines()]
            hold(in_order(store.settled(), expected), expected, client)
            mentioned = "error_type" if client in SHOWS_VARIABLES else "user_id"
            users = sum("user_id" in record or bool(record.get(mentioned)) for record in expected)
            found = len(store.records("user_id:4242"))
            if found != users:
                raise Failure(f"{client}: {found} records of user 4242, expected {users}")


def in_order(records, expected):
    """Returns the records in the manifest's order: by id, and by text where a line has no id.

    Moments of equal milliseconds say nothing about order.
    """
    if len(records) != len(expected) or len({record.get("message") for record in records}) < len(records):
        return records
    left = list(records)
    ordered = []
    for event in expected:
        fits = lambda record: (
            record.get("request_id") == event["request_id"]
            if "request_id" in event
            else (record.get("message") or "").startswith(event.get("message", ""))
        )
        match = next((record for record in left if fits(record)), None)
        if match is None:
            return records
        left.remove(match)
        ordered.append(match)
    return ordered
