"""Holds records to what the program that logged them said about itself."""

import datetime

from store import Failure

# Fields of the manifest that a record must have under the same name.
EXACT = ("level", "request_id", "path", "method", "status_code")
# Layouts that write whole seconds; the others write milliseconds at least.
COARSE = {
    "env_logger",
    "logrus",
    "logrus-text",
    "morgan-combined",
    "morgan-common",
    "stdlib-columns",
    "zerolog",
}


def moment_ms(text):
    """Returns a record's timestamp in milliseconds since 1970."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def same_message(expected, got):
    """A record's message is the event's; behind a text layout, what follows it stays there."""
    if got is None:
        return False
    first = lambda text: text.split("\n")[0].rstrip()
    return got == expected or first(got) == first(expected) or got.startswith(expected)


def differences(expected, record):
    """Returns what is wrong with a record, as texts."""
    wrong = []

    def differs(name, want, got):
        wrong.append(f"{name}: expected {want!r}, got {got!r}")

    for name in EXACT:
        if name in expected and record.get(name) != expected[name]:
            differs(name, expected[name], record.get(name))
    if "message" in expected and not same_message(expected["message"], record.get("message")):
        differs("message", expected["message"], record.get("message"))
    if "error_type" in expected and record.get("error_type") != expected["error_type"]:
        differs("error_type", expected["error_type"], record.get("error_type"))
    if "duration_ms" in expected:
        want, got = expected["duration_ms"], record.get("duration_ms")
        if (want is None) != (got is None) or (want is not None and abs(float(got) - want) > 0.001 * max(1, want)):
            differs("duration_ms", want, got)
    if "duration_ms_max" in expected:
        got = record.get("duration_ms")
        if got is None or not 0 <= got <= expected["duration_ms_max"]:
            differs("duration_ms", f"at most {expected['duration_ms_max']}", got)
    if "user_id" in expected and not str(record.get("user_id", "")).startswith("u_"):
        differs("user_id", "a pseudonym", record.get("user_id"))
    if "from_ms" in expected:
        got = moment_ms(record["timestamp"])
        cut = 1000 if expected["client"] in COARSE else 1
        if not expected["from_ms"] - cut < got <= expected["to_ms"] + 1:
            differs("timestamp", f"{expected['from_ms']}..{expected['to_ms']}", f"{got} ({record['timestamp']})")
    return wrong


def hold(records, manifest, what):
    """Fails unless the records are the manifest's, one for one, in order."""
    if len(records) != len(manifest):
        shown = "\n  ".join(f"{record.get('level')} {record.get('message')!r}" for record in records)
        raise Failure(f"{what}: {len(records)} records, expected {len(manifest)}:\n  {shown}")
    wrong = []
    for number, (expected, record) in enumerate(zip(manifest, records), 1):
        wrong += [f"record {number}: {difference}" for difference in differences(expected, record)]
    if wrong:
        raise Failure(f"{what}:\n  " + "\n  ".join(wrong))
