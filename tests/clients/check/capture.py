"""Writes what real clients print, and what it means, as fixtures of `tests/it/real_lines.rs`.

`NAME.txt` is what the client printed, but for names of this machine; `NAME.jsonl` has an object
a record: the fields that it must have, `message` by how it begins, the moment as a range.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile

import compare
import loggers
import platforms

# Streams of the platform that are kept: one of each layout.
STREAMS = (
    ("gunicorn", "production"),
    ("gunicorn", "console-json"),
    ("gunicorn", "django-structlog"),
    ("celery", "console-json"),
    ("runserver", "django-default"),
    ("uvicorn", "console-json"),
)


def scrub(text, work, programs, home):
    """Takes the names of this machine out."""
    for path in (work / "venv", work, programs, home):
        text = text.replace(str(path), "/srv/app")
    text = re.sub(rf"\b{re.escape(socket.gethostname())}\b", "web-1", text)
    return re.sub(r"Linux[- ][0-9][-.\w]*", "Linux-6.1.0", text)


def write(directory, name, text, expected):
    """Writes the two files of a client."""
    (directory / f"{name}.txt").write_text(text)
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in expected]
    (directory / f"{name}.jsonl").write_text("".join(lines))


def capture(directory, work, programs):
    """Runs every client and writes its fixtures."""
    directory.mkdir(parents=True, exist_ok=True)
    for language, names in loggers.LANGUAGES.items():
        for name in names:
            with tempfile.TemporaryDirectory() as home:
                manifest = pathlib.Path(home) / "manifest.jsonl"
                line, added = loggers.command(language, name, work, programs)
                environment = loggers.environment(manifest, added)
                done = subprocess.run(line, env=environment, capture_output=True, check=True)
                expected = [json.loads(line) for line in manifest.read_text().splitlines()]
                for record in expected:
                    allowance(record)
                    record.pop("client")
                text = scrub(done.stdout.decode(), work, programs, pathlib.Path(home))
                write(directory, name, text, expected)
    for server, block in STREAMS:
        with tempfile.TemporaryDirectory() as home:
            stream(directory, server, block, pathlib.Path(home), work, programs)


def allowance(record):
    """Makes the range of moments whole, by what the layout cuts off."""
    if "from_ms" in record:
        cut = 1000 if record["client"] in compare.COARSE else 1
        record["from_ms"] = int(record["from_ms"] // cut * cut)
        record["to_ms"] = int(record["to_ms"]) + 2


def stream(directory, server, block, home, work, programs):
    """Runs the platform once, without a store, and writes the fixtures of its streams."""
    platform = platforms.Platform(server, block, home, work / "venv/bin", programs / "django")
    console = home / "console.txt"
    platform.run_into(console)
    texts = {"console": console.read_text()}
    texts.update({log.name: log.read_text() for log in (home / "lms/logs").glob("*.log")})
    entries = [json.loads(line) for line in (home / "ledger.jsonl").read_text().splitlines()]
    for name, text in texts.items():
        written = [entry for entry in entries if entry["stream"] == name]
        if not written:
            continue
        text = scrub(without_banners(text, written), work, programs, home)
        expected = []
        for entry in written:
            record = platforms.expectation(entry, platforms.layout_of(entry, text, block))
            timed = server != "uvicorn" or not entry["logger"].startswith("uvicorn")
            if timed and not (block == "django-default" and entry["logger"] != "django.server"):
                # An access line names the second in which the request began.
                before = 2000 if entry["logger"] == "gunicorn.access" else 0
                record["from_ms"] = int(entry["time_ms"] // 1000 * 1000) - before
                record["to_ms"] = int(entry["time_ms"]) + platforms.MOMENT_MS
            if "path" not in record or record.get("duration_ms"):
                message = platforms.prefix(entry) + entry["message"].split("\n")[0][:60]
                # Redaction takes credentials out of addresses.
                record["message"] = scrub(message, work, programs, home).split("://")[0]
            expected.append(record)
            if block == "django-default":
                # Nothing tells further lines of an error's message from lines of the log.
                further = (entry["error_text"] or "").splitlines()[1:]
                expected += [{"message": line} for line in further if not line.startswith(("LINE ", " "))]
        suffix = "" if name == "console" else "." + name.removesuffix(".log")
        write(directory, f"{server}-{block}{suffix}", text, expected)


def without_banners(text, entries):
    """Returns the text from the first line of a handler to the last."""
    lines = text.splitlines(keepends=True)
    holds = lambda line, entry: entry["message"].split("\n")[0][:40] in line or json.dumps(entry["message"])[1:40] in line
    first = next(index for index, line in enumerate(lines) if holds(line, entries[0]))
    text = "".join(line for line in lines[first:] if "worker: Warm shutdown" not in line)
    # Celery's stands behind its first lines.
    return re.sub(r"(?ms)^ \n -+ celery@.*?\[tasks\]\n(?:  \. .*?\n)*\n", "", text)
