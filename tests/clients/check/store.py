"""A real `tierlog serve` on free ports, `tierlog send -` into it, and questions to its API."""

import json
import pathlib
import re
import subprocess
import time
import urllib.parse
import urllib.request

# A wait that is longer waits for something that does not come.
DEADLINE_S = 60


class Failure(Exception):
    """What the check found wrong."""


def wait_until(what, condition):
    """Looks at a condition again and again until it holds."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {DEADLINE_S} s for {what}")
        time.sleep(0.02)


class Store:
    """A server with an empty store of its own; ends with the `with` block."""

    def __init__(self, tierlog, work):
        self.tierlog = tierlog
        self.work = pathlib.Path(work)
        self.process = None

    def __enter__(self):
        addresses = self.work / "addresses.json"
        addresses.unlink(missing_ok=True)
        self.log = open(self.work / "server.log", "wb")
        command = [self.tierlog, "serve", "--data", self.work / "data", "--addresses-file", addresses]
        settings = ["ingest.tcp.listen=127.0.0.1:0", "ingest.http.listen=127.0.0.1:0"]
        settings += ["query.listen=127.0.0.1:0", "store.free_min=1MiB"]
        for setting in settings:
            command += ["--set", setting]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        wait_until("the server", lambda: addresses.exists() or self._ended())
        self.addresses = json.loads(addresses.read_text())
        return self

    def _ended(self):
        if self.process.poll() is not None:
            raise Failure(f"the server ended: {(self.work / 'server.log').read_text()}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=DEADLINE_S)
        self.log.close()

    def sender(self, *options, stdin, file="-", over="http"):
        """Starts `tierlog send`; its summary is read by `sent`."""
        listener = {"http": "ingest", "tcp": "tcp"}[over]
        command = [self.tierlog, "send", file, "--format", "json", *options]
        command += ["--to", f"{over}://{self.addresses[listener]}"]
        return subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.work
        )

    def sent(self, sender):
        """Waits for the end of a sender, which must have lost and rejected nothing."""
        out, complaints = sender.communicate(timeout=DEADLINE_S)
        if sender.returncode != 0:
            shown = (out + complaints).decode(errors="replace")
            raise Failure(f"send ended with {sender.returncode}: {shown}\n{self.letters()}")
        return json.loads(out.decode().strip().splitlines()[-1])

    def letters(self):
        """Returns the dead letters as text, for the report of a failure."""
        command = [self.tierlog, "dead-letters", "list", "--format", "json"]
        command += ["--server", f"http://{self.addresses['query']}"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def ask(self, path, **parameters):
        """Returns the answer of the query API."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://{self.addresses['query']}{path}?{query}", timeout=30) as answer:
            return json.load(answer)

    def records(self, q=""):
        """Returns every record that a query finds, in the order in which the lines came."""
        answer = self.ask("/api/v1/search", q=q, limit=10_000, sort="timestamp")
        return answer["hits"]

    def settled(self):
        """Waits until every record that was taken can be found, and returns them all."""
        wait_until("the index", self._all_found)
        return self.records()

    def _all_found(self):
        with urllib.request.urlopen(f"http://{self.addresses['query']}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        # A counter is the sum of what its labels tell apart.
        counted = [line.split()[-1] for line in lines if re.match(r"tierlog_ingest_accepted_records_total[ {]", line)]
        found = self.ask("/api/v1/search", q="", limit=0)["total"]["value"]
        return found > 0 and found == sum(map(float, counted))

    def stats(self, q, by):
        """Returns counts by value, as `tierlog stats` prints them."""
        command = [self.tierlog, "stats", q, "--by", by, "--format", "json"]
        command += ["--server", f"http://{self.addresses['query']}"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = [json.loads(line) for line in printed.splitlines()]
        return {row[by]: row["count"] for row in rows if row.get(by) is not None}
