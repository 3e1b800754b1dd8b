"""Sample application: logs JSON lines and ships them to Tierlog over TCP.

    python sample_app.py HOST PORT

One request a second, of a few lines with a common request_id. The e-mail address in it is there
to be redacted: it never reaches the disk.

TierlogHandler may be copied. A request never waits for it: lines go into a queue with a bound,
and a thread sends them. While the server is away the queue fills; what does not fit is dropped
and counted, and the count is logged when the server is back. Lines that must not be lost belong
to `tierlog send --spool`.
"""

import atexit
import json
import logging
import queue
import random
import socket
import sys
import threading
import time
import uuid
from datetime import datetime, timezone


class JsonFormatter(logging.Formatter):
    """One JSON object a line, as python-json-logger writes it."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        fields = {
            "timestamp": moment.isoformat(),
            "levelname": record.levelname,
            "name": record.name,
            "message": record.getMessage(),
            "service": "sample-app",
        }
        if record.exc_info:
            fields["exc_info"] = self.formatException(record.exc_info)
        fields.update(getattr(record, "fields", {}))
        return json.dumps(fields, default=str)


class TierlogHandler(logging.Handler):
    """Sends lines from a thread of its own; never blocks whoever logs.

    Each line is kept until the server says that it is durable, and sent again after a broken
    connection under the same number, so each is stored once.
    """

    #: Lines that are sent before the first of them is acknowledged.
    WINDOW = 1000
    #: Seconds between attempts to connect, at first and at most.
    PAUSES = (0.1, 5.0)
    #: Seconds that the server may be silent while lines wait.
    SILENCE = 30.0

    def __init__(self, host: str, port: int, capacity: int = 10_000, close_timeout: float = 5.0):
        super().__init__()
        self.address = (host, port)
        self.close_timeout = close_timeout
        self.dropped = 0
        self._reported = 0
        self._queue = queue.Queue(maxsize=capacity)
        self._unacked = []  # lines that were taken from the queue and are not durable yet
        self._durable = 0  # number of the last durable line
        self._producer = uuid.uuid4().hex
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tierlog", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._queue.put_nowait((self.format(record) + "\n").encode("utf-8", "replace"))
        except queue.Full:
            self.dropped += 1
        except Exception:  # what cannot be formatted must not stop a request
            self.handleError(record)

    def close(self) -> None:
        """Sends what waits, for a few seconds."""
        self._closing.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(self.close_timeout)
        super().close()

    def _run(self) -> None:
        pause = self.PAUSES[0]
        while not self._is_over():
            try:
                with socket.create_connection(self.address, timeout=self.SILENCE) as connection:
                    self._greet(connection)
                    pause = self.PAUSES[0]
                    self._send_all(connection)
            except (OSError, ValueError):
                self._closing.wait(pause)
                if self._closing.is_set():
                    time.sleep(pause)
                pause = min(pause * 2, self.PAUSES[1])

    def _is_over(self) -> bool:
        return self._closing.is_set() and not self._unacked and self._queue.empty()

    def _greet(self, connection: socket.socket) -> None:
        wishes = {"ack": True, "producer": self._producer, "from": self._durable + 1}
        connection.sendall(json.dumps({"tierlog": wishes}).encode() + b"\n")
        self._answers = connection.makefile("rb")
        if "resume" not in self._answer():
            raise OSError("the server does not know producers")
        if self._unacked:
            connection.sendall(b"".join(self._unacked))

    def _send_all(self, connection: socket.socket) -> None:
        while not self._is_over():
            while len(self._unacked) < self.WINDOW:
                line = self._next_line(wait=not self._unacked)
                if line is None:
                    break
                self._unacked.append(line)
                connection.sendall(line)
            if self._unacked:
                durable = self._answer()["ack"]
                del self._unacked[: max(0, durable - self._durable)]
                self._durable = max(self._durable, durable)

    def _next_line(self, wait: bool):
        if self.dropped > self._reported:
            dropped, self._reported = self.dropped - self._reported, self.dropped
            fields = {"levelname": "WARNING", "service": "sample-app", "dropped": dropped}
            fields["message"] = f"{dropped} lines were dropped while the log server was away"
            return json.dumps(fields).encode() + b"\n"
        try:
            return self._queue.get(timeout=0.2) if wait else self._queue.get_nowait()
        except queue.Empty:
            return None

    def _answer(self) -> dict:
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise OSError("the server closed the connection")
        answer = json.loads(line)
        if "error" in answer:
            raise OSError(answer["error"])
        return answer


def main() -> None:
    host, port = sys.argv[1], int(sys.argv[2])
    handler = TierlogHandler(host, port)
    handler.setFormatter(JsonFormatter())
    log = logging.getLogger("sample.views")
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
    while True:
        user = random.randint(1, 500)
        common = {"request_id": uuid.uuid4().hex, "user_id": user, "path": "/courses/42/"}
        log.debug("session read", extra={"fields": common})
        duration = random.lognormvariate(4, 1)
        done = {**common, "method": "GET", "status_code": 200, "duration_ms": round(duration, 2)}
        log.info("request finished", extra={"fields": done})
        if duration > 200:
            log.warning("slow query", extra={"fields": common})
        if random.random() < 0.05:
            log.error("cannot mail student%d@example.org", user, extra={"fields": common})
        time.sleep(1)


if __name__ == "__main__":
    main()
