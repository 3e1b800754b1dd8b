"""The Django platform under its servers: the console by a live pipe, log files afterwards.

The platform's own ledger says what its handlers wrote, to which stream, and of which exception.
Every entry must be one record; what the console holds beside it (banners) was no log record.
"""

import collections
import functools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading

from compare import moment_ms
from store import Failure, Store, wait_until

# Arrival stands for the moment of a line that names none: a batch waits a second, a group half.
ARRIVAL_MS = 5000
# A line's own moment is the record's, but for what formatting it takes.
MOMENT_MS = 100
# Servers that the platform runs under, and the LOGGING blocks that each runs with.
RUNS = {
    "gunicorn": ("console-json", "production", "staging", "django-structlog"),
    "celery": ("console-json",),
    "runserver": ("console-json", "production", "django-default"),
    "uvicorn": ("console-json",),
}
OVER_TCP = (("gunicorn", "production"), ("celery", "console-json"), ("runserver", "console-json"))
QUICK = {"gunicorn": ("console-json", "production", "staging"), "celery": ("console-json",), "runserver": ("production",)}
ROUNDS = {"quick": 1, "whole": 3}
# Fields that the platform gives as `extra`, and JSON layouts write.
SAID = ("request_id", "method", "path", "status_code", "duration_ms")
ACCESS = re.compile(r'"(?P<method>[A-Z]+) (?P<path>[^ ?]*)(?:\?\S*)? HTTP/1\.[01]" (?P<status>\d{3})')
SQL = re.compile(r"\((\d+\.\d+)\) ")
TASK = re.compile(r"succeeded in ([0-9.e-]+)s: ")


def checks(length):
    """Yields every run as its name and a function."""
    for server, blocks in (QUICK if length == "quick" else RUNS).items():
        for block in blocks:
            yield f"{server}.{block}", functools.partial(check, server, block, "http", ROUNDS[length])
    if length == "whole":
        for server, block in OVER_TCP:
            yield f"{server}.{block}.tcp", functools.partial(check, server, block, "tcp", ROUNDS[length])


def free_port():
    """Returns a port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def check(server, block, over, rounds, tierlog, work, programs):
    """Runs the platform once and checks every stream that it wrote."""
    with tempfile.TemporaryDirectory(prefix="tierlog-platform-") as home:
        home = pathlib.Path(home)
        platform = Platform(server, block, home, work / "venv/bin", programs / "django")
        with Store(tierlog, home) as store:
            raw = platform.run(store, over, rounds)
            entries = [json.loads(line) for line in (home / "ledger.jsonl").read_text().splitlines()]
            console = [entry for entry in entries if entry["stream"] == "console"]
            hold_stream(store, console, raw.decode(errors="replace"), block, f"{server}.{block} console")
        for log in sorted((home / "lms/logs").glob("*.log")):
            written = [entry for entry in entries if entry["stream"] == log.name]
            if not written:
                continue
            apart = home / log.stem
            apart.mkdir()
            with Store(tierlog, apart) as store:
                sent(store, log)
                hold_stream(store, written, log.read_text(), block, f"{server}.{block} {log.name}")


def sent(store, log):
    """Sends a file."""
    store.sent(store.sender("--plain", stdin=subprocess.DEVNULL, file=log))


class Platform:
    """The platform under one server."""

    def __init__(self, server, block, home, programs, source):
        self.server, self.home, self.programs, self.source = server, home, programs, source
        (home / "lms").mkdir()
        self.environment = {
            **os.environ,
            "TZ": "UTC",
            "PYTHONPATH": str(source),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "HOME": str(home),
            "LMS_LOGGING": block,
            "LMS_DATA": str(home / "lms"),
            "LEDGER": str(home / "ledger.jsonl"),
        }

    def run(self, store, over, rounds):
        """Uses the platform while its output goes to the store; returns what it printed."""
        sender = store.sender("--plain", stdin=subprocess.PIPE, over=over)
        copy = bytearray()
        self._run(rounds, copy, sender.stdin)
        # `communicate` would flush it again.
        sender.stdin = None
        store.sent(sender)
        return bytes(copy)

    def run_into(self, path):
        """Uses the platform for one round; its output goes to a file."""
        with open(path, "wb") as file:
            self._run(1, bytearray(), file)

    def _run(self, rounds, copy, sink):
        self._manage("migrate", "-v0")
        port = free_port()
        process = subprocess.Popen(
            self._command(port),
            env=self.environment,
            cwd=self.source,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        pump = threading.Thread(target=forward, args=(process.stdout, sink, copy))
        pump.start()
        try:
            self._use(port, rounds, copy)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            pump.join(timeout=60)

    def _manage(self, *arguments):
        command = [self.programs / "python", self.source / "manage.py", *arguments]
        environment = {**self.environment, "LEDGER": os.devnull}
        done = subprocess.run(command, env=environment, cwd=self.source, capture_output=True, check=False)
        if done.returncode != 0:
            raise Failure(f"manage.py {' '.join(arguments)}: {done.stderr.decode()}")

    def _command(self, port):
        address = f"127.0.0.1:{port}"
        return {
            "gunicorn": [self.programs / "gunicorn", "-c", "gunicorn.conf.py", "-b", address, "lms.wsgi"],
            "runserver": [self.programs / "python", "manage.py", "runserver", "--noreload", address],
            "uvicorn": [self.programs / "uvicorn", "--port", str(port), "lms.asgi:application"],
            "celery": [self.programs / "celery", "-A", "lms", "worker", "--loglevel", "INFO"],
        }[self.server]

    def _use(self, port, rounds, copy):
        if self.server == "celery":
            script = "from apps.courses import queue; queue.fill(%d)" % rounds
            line = [self.programs / "python", "-c", script]
        else:
            line = [self.programs / "python", "drive.py", f"127.0.0.1:{port}", str(rounds)]
        environment = {**self.environment, "LEDGER": os.devnull}
        done = subprocess.run(line, env=environment, cwd=self.source, capture_output=True, check=False, timeout=120)
        if done.returncode != 0:
            raise Failure(f"{self.server}: {done.stderr.decode()}\n{copy.decode(errors='replace')}")
        if self.server == "celery":
            ends = re.compile(rb"\] (?:succeeded in|raised unexpected)")
            tasks = 4 * rounds
            wait_until(f"{tasks} tasks", lambda: len(ends.findall(copy)) >= tasks)


def forward(source, sink, copy):
    """Passes the platform's output on as it comes, and keeps a copy."""
    try:
        with sink:
            while chunk := os.read(source.fileno(), 65536):
                copy += chunk
                sink.write(chunk)
                sink.flush()
    except BrokenPipeError:
        # The sender ended; its exit code will say why.
        while os.read(source.fileno(), 65536):
            pass


def expectation(entry, layout):
    """Returns what a record of an entry must hold."""
    expected = {"level": entry["level"], "error_type": entry["error_type"]}
    if layout == "bare" and not entry["logger"].startswith("django."):
        # A bare text of the application's says nothing about its level.
        del expected["level"]
    access = ACCESS.search(entry["message"])
    # Django's server writes its request as a message like any other, but for its own layout.
    servers = {"gunicorn.access", "uvicorn.access"} | ({"django.server"} if layout == "bare" else set())
    if access and entry["logger"] in servers:
        expected.update(method=access["method"], path=access["path"], status_code=int(access["status"]))
    elif sql := SQL.match(entry["message"]):
        expected["duration_ms"] = float(sql[1]) * 1000
    elif task := TASK.search(entry["message"]):
        expected["duration_ms"] = float(task[1]) * 1000
    if layout == "json":
        expected.update({name: entry["extra"][name] for name in SAID if name in entry["extra"]})
    return expected


def of_entry(entry, record):
    """Tells whether a record can be an entry's: its text and its moment fit."""
    if abs(moment_ms(record["timestamp"]) - entry["time_ms"]) > ARRIVAL_MS:
        return False
    message = record.get("message") or ""
    first = entry["message"].split("\n")[0]
    access = ACCESS.search(first)
    if access and access.group(0) in message:
        return True
    # Redaction may have taken values out of a statement.
    if SQL.match(first):
        return message.startswith(first[:20]) or message.startswith(SQL.sub("", first)[:20])
    # Redaction takes credentials out of addresses.
    return message.startswith((prefix(entry) + first).split("://")[0][:90])


def prefix(entry):
    """Returns what Celery's formatter writes before the message of a task's own logger."""
    task = entry["extra"]
    return f"{task['task_name']}[{task['task_id']}]: " if "task_name" in task else ""


def differences(entry, record, layout):
    """Returns what is wrong with a record, as texts."""
    wrong = []
    expected = expectation(entry, layout)
    for name, want in expected.items():
        got = record.get(name)
        same = abs(got - want) < 0.0011 if isinstance(want, float) and isinstance(got, (int, float)) else got == want
        if not same:
            wrong.append(f"{name}: expected {want!r}, got {got!r}, of {entry['logger']}: {entry['message'][:90]!r}")
    precise = layout in {"json", "text"} and entry["logger"].split(".")[0] in {"apps", "django", "celery"}
    away = abs(moment_ms(record["timestamp"]) - entry["time_ms"])
    if precise and away > MOMENT_MS:
        wrong.append(f"timestamp: {away:.1f} ms away, of {entry['logger']}: {entry['message'][:90]!r}")
    return wrong


def hold_stream(store, entries, raw, block, what):
    """Fails unless each entry is one record, and nothing of an entry is a record of its own."""
    left, wrong = store.settled(), []
    for entry in entries:
        match = next((record for record in left if of_entry(entry, record)), None)
        if match is None:
            wrong.append(f"no record of {entry['level']} {entry['logger']}: {entry['message'][:120]!r}")
            continue
        left.remove(match)
        wrong += differences(entry, match, layout_of(entry, raw, block))
    # Where lines have no head, the second line of an error's message is like any other.
    told = [] if block == "django-default" else entries
    of_errors = {line for entry in told for line in (entry["error_text"] or "").splitlines()}
    for record in left:
        if not is_banner(record, raw, of_errors):
            wrong.append(f"a record that nobody logged: {record['level']} {record.get('message', '')[:120]!r}")
    counted = collections.Counter(entry["error_type"] for entry in entries if entry["error_type"])
    answer = store.stats("", "error_type")
    if answer != dict(counted):
        wrong.append(f"stats --by error_type: {answer}, the platform counted {dict(counted)}")
    if wrong:
        raise Failure(f"{what}:\n  " + "\n  ".join(wrong))


def layout_of(entry, raw, block):
    """Tells how the entry's line is written: as JSON, as text with a head, or bare."""
    if block == "django-default":
        return "bare"
    quoted = json.dumps(entry["message"])
    if f'"message": {quoted}' in raw or f'"event": {quoted}' in raw:
        return "json"
    return "text"


def is_banner(record, raw, of_errors):
    """Tells whether a record is a line that came from no handler: a banner, a notice of a server."""
    message = (record.get("message") or "").split("\n")[0].split("[CREDENTIALS]")[0]
    of_trace = re.match(r"Traceback|\s*File \"|.*Error: |\s+[~^]+|The above exception", message)
    return message in raw and not of_trace and message not in of_errors
