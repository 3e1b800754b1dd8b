"""Uses the learning platform as people do: `drive.py ADDRESS ROUNDS`."""

import sys
import time
import urllib.error
import urllib.request

# What is asked, and the status that the platform answers.
SCENARIO = [
    ("GET", "/health/", 200),
    ("POST", "/api/v1/courses/3/enroll/", 201),
    ("GET", "/api/v1/courses/?page=2&q=a%20b", 200),
    ("GET", "/api/v1/courses/3/", 200),
    ("GET", "/api/v1/courses/404404/", 404),
    ("GET", "/api/v1/quizzes/124/attempts/", 500),
    ("GET", "/api/v1/reports/", 500),
    ("GET", "/api/v1/exports/", 500),
    ("GET", "/api/v1/admin/", 403),
    ("POST", "/api/v1/payments/", 402),
    ("GET", "/api/v1/slow/", 200),
    ("GET", "/missing.php", 404),
]


def ask(address, method, path, request_id):
    """Returns the status of one request."""
    headers = {"X-User": "ada", "X-Request-Id": request_id, "User-Agent": "tierlog-clients/1"}
    request = urllib.request.Request(f"http://{address}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def await_server(address):
    """Waits until somebody listens."""
    host, port = address.rsplit(":", 1)
    import socket

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on {address}")


def main(address, rounds):
    """Goes through the scenario so many times."""
    await_server(address)
    for turn in range(rounds):
        for number, (method, path, expected) in enumerate(SCENARIO):
            status = ask(address, method, path, f"r-{turn}-{number}")
            if status != expected:
                raise SystemExit(f"{method} {path}: answered {status}, expected {expected}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
