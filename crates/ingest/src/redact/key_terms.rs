//! The words of the key table: data only. How they combine is told in [`super::keys`].

/// How a term reads inside a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strength {
    /// Secret whatever precedes it, glued or not, and whatever unknown words follow.
    Strong,
    /// The same, but numbers and booleans under it are counts and flags.
    StrongText,
    /// Secret as a word of its own, alone or followed by one of [`VALUES`].
    Weak,
    /// The same, but numbers and booleans under it are counts and flags.
    WeakText,
}

use Strength::{Strong, StrongText, Weak, WeakText};

/// Terms, as letters without separators.
pub(super) const TERMS: &[(&str, Strength)] = &[
    ("password", Strong),
    ("passwd", Strong),
    ("passphrase", Strong),
    ("passcode", Strong),
    ("pwd", Strong),
    ("secret", Strong),
    ("secretid", Strong),
    ("token", Strong),
    ("apikey", Strong),
    ("appkey", Strong),
    ("authkey", Strong),
    ("privatekey", Strong),
    ("secretkey", Strong),
    ("accesskey", Strong),
    ("accountkey", Strong),
    ("signingkey", Strong),
    ("encryptionkey", Strong),
    ("masterkey", Strong),
    ("sharedkey", Strong),
    ("authorization", Strong),
    ("authheader", Strong),
    ("basicauth", Strong),
    ("httpauth", Strong),
    ("cookie", Strong),
    ("credential", Strong),
    ("credentials", Strong),
    ("connectionstring", Strong),
    ("cardnumber", Strong),
    ("cardnum", Strong),
    ("cardno", Strong),
    ("ccnumber", Strong),
    ("ccnum", Strong),
    ("cvv", Strong),
    ("cvc", Strong),
    ("cardcode", Strong),
    ("securitycode", Strong),
    ("sessionid", Strong),
    ("sessionkey", Strong),
    ("sessid", Strong),
    ("csrf", Strong),
    ("xsrf", Strong),
    ("jwt", Strong),
    ("socialsecurity", Strong),
    ("socialsecuritynumber", Strong),
    ("recoverycode", Strong),
    ("backupcode", Strong),
    ("verificationcode", Strong),
    ("onetimecode", Strong),
    ("mfacode", Strong),
    ("authcode", Strong),
    ("resetlink", Strong),
    ("reseturl", Strong),
    ("magiclink", Strong),
    ("passwords", StrongText),
    ("secrets", StrongText),
    ("tokens", StrongText),
    ("cookies", StrongText),
    ("session", Weak),
    ("pin", Weak),
    ("otp", Weak),
    ("totp", Weak),
    ("ssn", Weak),
    ("pass", WeakText),
    ("sid", WeakText),
];

/// Fragments of which each term holds one: the prefilter of names and of `key=value` text. They
/// lie inside one word of the term: a name may divide its words in any way.
pub(super) const NEEDLES: &[&str] = &[
    "pass", "pwd", "secret", "token", "key", "auth", "cookie", "cred", "connection", "card",
    "number", "num", "cvv", "cvc", "code", "sess", "csrf", "xsrf", "jwt", "social", "reset",
    "magic", "pin", "otp", "ssn", "sid",
];

/// Words that, all on their own after a term, tell something about a secret and not the secret.
pub(super) const FACTS: &[&str] = &[
    "accepted", "age", "alg", "algorithm", "algo", "allowed", "arn", "at", "attempt", "attempts",
    "audience", "available", "avg", "backend", "bits", "bucket", "budget", "bytes", "cached",
    "change", "changed", "chars", "check", "checked", "class", "consent", "cost", "count",
    "counter", "counts", "created", "date", "days", "denied", "disabled", "domain", "duration",
    "empty", "enabled", "encoding", "endpoint", "engine", "entropy", "error", "errors", "exists",
    "exp", "expiration", "expire", "expired", "expires", "expiry", "failed", "failure",
    "failures", "field", "fields", "format", "found", "function", "generator", "hours", "iat",
    "in", "invalid", "issued", "issuer", "kind", "last", "latency", "len", "length", "level",
    "lifetime", "limit", "limits", "manager", "max", "method", "min", "minutes", "missing",
    "mode", "module", "ms", "name", "names", "needed", "ns", "ok", "on", "per", "policy",
    "present", "price", "prompt", "provider", "rate", "refreshed", "rejected", "remaining",
    "required", "reset", "revoked", "rotated", "rules", "samesite", "scheme", "scope", "scopes",
    "seconds", "secs", "sent", "service", "set", "size", "source", "state", "status", "store",
    "strength", "time", "timeout", "total", "ttl", "type", "types", "usage", "used",
];

/// Words before a term that ask about the secret, or that begin the segment which holds it.
pub(super) const QUESTIONS: &[&str] = &[
    "has", "is", "are", "no", "not", "num", "max", "min", "avg", "total", "count", "requires",
    "require", "needs", "missing", "allow",
];

/// Words before `token` that make it a position in a listing or a machine's vocabulary.
pub(super) const OPEN_TOKENS: &[&str] = &[
    "page", "next", "continuation", "cancellation", "pagination", "resume", "scroll", "sync",
    "eos", "bos", "pad", "unexpected",
];

/// Words that a weak term may be followed by and still be the secret.
pub(super) const VALUES: &[&str] = &[
    "id", "key", "token", "value", "code", "number", "no", "hash", "plain", "raw", "text", "data",
    "string", "cookie", "secret", "entered",
];
