"""The labelled corpus through what the registries offer, beside Tierlog.

Usage, with Python 3.11 and a network; not run by CI:

    python3 -m venv compare && compare/bin/pip install presidio-analyzer==2.2.366 \
        detect-secrets==1.5.0 scrubadub==2.0.1
    cargo run --release -p tierlog-corpus -- labelled --count 20000 > labelled.jsonl
    cargo run --release -p tierlog-corpus -- ordinary --count 5000 > ordinary.jsonl
    compare/bin/python tests/corpus/redaction/compare.py labelled.jsonl ordinary.jsonl

A value is found when the finds of a tool cover all of it; a find is right when it touches a value.
The tools get the text of the line, never its label. Tierlog's own figures are those of `corpus
bounds`, over the same lines.
"""

import collections
import json
import sys
import time

# The least score of a find of Presidio. Its weakest patterns (any run of digits) are below; what
# lifts them, words beside a match, needs a model of language that the pattern recognisers lack.
PRESIDIO_SCORE_MIN = 0.4

GROUPS = {
    "email": "e-mail", "card": "card", "iban": "IBAN", "us_ssn": "US SSN", "phone": "telephone",
    "secret": "secrets by key", "one_time_code": "secrets by key", "placed": "secrets by place",
    "token": "tokens by prefix", "jwt": "JWT", "private_key": "private key",
    "mac_address": "MAC address", "person_name": "by field name", "birth_date": "by field name",
    "postal_address": "by field name", "passport": "by field name",
    "bank_account": "by field name", "coordinates": "by field name", "device_id": "by field name",
}


def presidio():
    """Returns every pattern recogniser, and the one of telephone numbers, as one function."""
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    recognizers = []
    for name in sorted(set(dir(predefined_recognizers))):
        kind = getattr(predefined_recognizers, name)
        is_pattern = isinstance(kind, type) and issubclass(kind, PatternRecognizer)
        if is_pattern or name == "PhoneRecognizer":
            try:
                recognizers.append(kind())
            except Exception as error:  # one that needs a service
                print(f"without {name}: {error}", file=sys.stderr)

    def find(text):
        for recognizer in recognizers:
            try:
                found = recognizer.analyze(text, recognizer.supported_entities, None)
            except (KeyError, ValueError):  # a validator that stumbles over a wide digit
                continue
            for result in found or []:
                if result.score >= PRESIDIO_SCORE_MIN:
                    yield result.start, result.end

    return f"Presidio, {len(recognizers)} recognisers", find


def detect_secrets():
    """Returns the plugins of detect-secrets as one function."""
    # The scan of a file's lines; `scan_line` looks at every word as if it stood in quotes.
    from detect_secrets.core.scan import _process_line_based_plugins as scan_lines
    from detect_secrets.settings import default_settings

    settings = default_settings()
    settings.__enter__()

    def find(text, _settings=settings):  # which would end with its last reference
        for line in text.split("\n"):
            start = text.find(line)
            for secret in scan_lines([(1, line)], "app.log"):
                value = secret.secret_value or ""
                place = line.find(value)
                if value and place >= 0:
                    yield start + place, start + place + len(value)

    return "detect-secrets", find


def scrubadub():
    """Returns the default detectors of scrubadub as one function."""
    import scrubadub as library

    scrubber = library.Scrubber()

    def find(text):
        for filth in scrubber.iter_filth(text):
            yield filth.beg, filth.end

    return "scrubadub", find


def covered(start, end, finds):
    """Tells whether finds cover a span."""
    for begin, close in sorted(finds):
        if begin <= start < close:
            start = close
    return start >= end


def group_of(kind):
    return GROUPS.get(kind, "national ids")


def measure(find, samples, ordinary):
    """Returns (recall by group, precision, false hits in 10,000 lines, MB/s)."""
    planted, found = collections.Counter(), collections.Counter()
    finds_count = right_count = 0
    began = time.process_time()
    results = [list(find(sample["text"])) for sample in samples]
    hits = sum(1 for line in ordinary if any(True for _ in find(line)))
    seconds = time.process_time() - began
    for sample, finds in zip(samples, results):
        text = sample["text"].encode()
        # The labels count bytes, and the tools count letters.
        spans = [(len(text[:a].decode()), len(text[:b].decode())) for a, b in sample["spans"]]
        group = group_of(sample["kind"])
        planted[group] += 1
        found[group] += all(covered(start, end, finds) for start, end in spans)
        finds_count += len(finds)
        right_count += sum(any(a < end and b > start for start, end in spans) for a, b in finds)
    size = sum(len(sample["text"].encode()) for sample in samples)
    size += sum(len(line.encode()) for line in ordinary)
    recall = {group: 100 * found[group] / planted[group] for group in planted}
    precision = 100 * right_count / max(finds_count, 1)
    return recall, precision, 10_000 * hits / max(len(ordinary), 1), size / seconds / 1e6


def main():
    samples = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    ordinary = [json.loads(line) for line in open(sys.argv[2], encoding="utf-8")]
    rows = {}
    for tool in (presidio, detect_secrets, scrubadub):
        name, find = tool()
        rows[name] = measure(find, samples, ordinary)
        print(name, "done", file=sys.stderr)
    groups = sorted({group_of(sample["kind"]) for sample in samples})
    print("| | " + " | ".join(rows) + " |")
    print("|---|" + "---|" * len(rows))
    for group in groups:
        print(f"| {group} | " + " | ".join(f"{row[0][group]:.1f}" for row in rows.values()) + " |")
    print("| precision | " + " | ".join(f"{row[1]:.1f}" for row in rows.values()) + " |")
    print("| false hits in 10,000 lines | " + " | ".join(f"{r[2]:,.0f}" for r in rows.values()) + " |")
    print("| MB/s on a core | " + " | ".join(f"{row[3]:.2f}" for row in rows.values()) + " |")


if __name__ == "__main__":
    main()
