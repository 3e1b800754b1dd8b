"""Sample application: logs JSON lines and ships them to Tierlog over TCP.

    python sample_app.py HOST PORT

One request a second, of a few lines with a common request_id. The e-mail address in it is there
to be redacted: it never reaches the disk.
"""

import json
import logging
import random
import socket
import sys
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
        fields.update(getattr(record, "fields", {}))
        return json.dumps(fields)


class TierlogHandler(logging.Handler):
    """Sends each line and waits for the ack that it is durable; connects again when it must."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self.address = (host, port)
        self.connection = None

    def emit(self, record: logging.LogRecord) -> None:
        line = (self.format(record) + "\n").encode()
        while True:
            try:
                if self.connection is None:
                    self.connection = socket.create_connection(self.address, timeout=10)
                    self.connection.sendall(b'{"tierlog":{"ack":true}}\n')
                self.connection.sendall(line)
                if self.connection.recv(4096):
                    return
            except OSError:
                pass
            self.close_connection()
            time.sleep(1)

    def close_connection(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


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
