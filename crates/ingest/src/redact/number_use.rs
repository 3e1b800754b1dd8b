//! What a long number is for: a payment card, an id, or nothing that can be told.
//!
//! One in fifty numbers of 16 digits passes as a card by prefix, length and Luhn digit, and order
//! numbers, decimal trace ids and snowflakes have as many digits. So the name of the field, the
//! key before the number or the words around it decide. The strongest sign stands closest: the
//! noun right before a number names it, whatever the rest of the sentence is about.

use super::claim::Claim;
use super::keys::Words;

/// What is said about a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum NumberUse {
    /// The number is an id, and no card even with the digits of a card.
    Id,
    /// Nothing is said.
    #[default]
    Unknown,
    /// The number is a card, provided that the digits fit.
    Card,
}

impl NumberUse {
    /// Reads the name of a field or key: `card_id` holds a card, `order.number` an id.
    pub(super) fn of_name(name: &str) -> NumberUse {
        let words = Words::of(name);
        let letters: Vec<&str> = words.iter().collect();
        if letters.iter().any(|word| CARD_NAMES.contains(word)) {
            return NumberUse::Card;
        }
        let Some((last, before)) = letters.split_last() else { return NumberUse::Unknown };
        let counts_things = COUNTERS.contains(last)
            && before.last().is_some_and(|thing| THINGS.contains(&singular(thing)));
        let is_id = ID_NAMES.contains(&singular(last)) || is_glued_id(last) || counts_things;
        if is_id { NumberUse::Id } else { NumberUse::Unknown }
    }

    /// Returns the claim of a name with this use of numbers.
    pub(super) fn claim(self) -> Claim {
        match self {
            NumberUse::Id => Claim::Never,
            NumberUse::Unknown => Claim::Silent,
            NumberUse::Card => Claim::Likely,
        }
    }

    /// Reads a claim back.
    pub(super) fn of_claim(claim: Claim) -> NumberUse {
        match claim {
            Claim::Never => NumberUse::Id,
            Claim::Silent => NumberUse::Unknown,
            Claim::Likely | Claim::Sure => NumberUse::Card,
        }
    }
}

/// Words that make the value under a name a card. Words of payment (`payment_id`, `credit_note`)
/// also name records with ids of their own, and are left out.
const CARD_NAMES: [&str; 19] = [
    "card",
    "cards",
    "cc",
    "ccn",
    "ccnum",
    "ccnumber",
    "cardno",
    "cardnumber",
    "creditcard",
    "debitcard",
    "pan",
    "visa",
    "mastercard",
    "amex",
    "maestro",
    "unionpay",
    "rupay",
    "jcb",
    "diners",
];

/// Last words of names that hold ids, positions, moments and sizes.
const ID_NAMES: [&str; 58] = [
    "id",
    "uuid",
    "guid",
    "uid",
    "gid",
    "pid",
    "tid",
    "rid",
    "oid",
    "xid",
    "eid",
    "cid",
    "mid",
    "nonce",
    "ref",
    "reference",
    "seq",
    "sequence",
    "serial",
    "offset",
    "cursor",
    "snowflake",
    "hash",
    "digest",
    "checksum",
    "fingerprint",
    "etag",
    "revision",
    "version",
    "timestamp",
    "ts",
    "time",
    "nano",
    "ns",
    "micro",
    "us",
    "nanosecond",
    "microsecond",
    "epoch",
    "trace",
    "span",
    "request",
    "correlation",
    "order",
    "invoice",
    "ticket",
    "tracking",
    "transaction",
    "tx",
    "txn",
    "imei",
    "ean",
    "isbn",
    "barcode",
    "lsn",
    "size",
    "byte",
    "count",
];

/// Things that are numbered.
const THINGS: [&str; 50] = [
    "trace",
    "span",
    "request",
    "user",
    "message",
    "msg",
    "order",
    "event",
    "object",
    "parent",
    "correlation",
    "transaction",
    "tx",
    "txn",
    "invoice",
    "job",
    "task",
    "batch",
    "item",
    "thread",
    "process",
    "device",
    "ticket",
    "tracking",
    "serial",
    "reference",
    "sequence",
    "block",
    "blk",
    "customer",
    "document",
    "file",
    "record",
    "row",
    "shipment",
    "parcel",
    "booking",
    "case",
    "entity",
    "node",
    "operation",
    "execution",
    "run",
    "insert",
    "channel",
    "guild",
    "tweet",
    "post",
    "snowflake",
    "build",
];

/// Last words of names, which number the thing before the word; in text the words stand between a
/// noun and the number.
const COUNTERS: [&str; 5] = ["number", "no", "num", "nr", "nummer"];

/// Words between a noun and a number that are not the noun.
const FILLERS: [&str; 16] = [
    "number", "no", "num", "nr", "nummer", "id", "ids", "is", "was", "with", "the", "of", "for",
    "ending", "like", "and",
];

/// Words of a sentence that is about a card.
const CARD_WORDS: [&str; 48] = [
    "card",
    "cards",
    "cc",
    "ccn",
    "pan",
    "cardnumber",
    "cardno",
    "creditcard",
    "debitcard",
    "cardholder",
    "visa",
    "mastercard",
    "amex",
    "maestro",
    "diners",
    "discover",
    "jcb",
    "unionpay",
    "rupay",
    "express",
    "karte",
    "kreditkarte",
    "kartennummer",
    "carte",
    "tarjeta",
    "carta",
    "kaart",
    "credit",
    "debit",
    "payment",
    "payments",
    "pay",
    "pays",
    "paid",
    "paying",
    "charge",
    "charged",
    "charging",
    "refund",
    "refunded",
    "declined",
    "decline",
    "billing",
    "billed",
    "cvv",
    "cvc",
    "exp",
    "expiry",
];

/// How far before and behind a number words count, and how many of them.
const BEFORE_BYTES: usize = 64;
const BEFORE_WORDS: usize = 7;
const AFTER_BYTES: usize = 32;
const AFTER_WORDS: usize = 3;

/// Longest key before a number.
const KEY_BYTES_MAX: usize = 64;

/// Quotes, brackets and spaces that may stand between a key and a number.
const GAP_BYTES_MAX: usize = 12;

/// Reads what stands around the number in a range of a text.
pub(super) fn around(text: &str, start: usize, end: usize) -> Around {
    let bytes = text.as_bytes();
    let key = key_before(text, start);
    if let Some((key, _)) = key
        && let told @ (NumberUse::Id | NumberUse::Card) = NumberUse::of_name(key)
    {
        return Around::Told(told);
    }
    let before_start = text.ceil_char_boundary(start.saturating_sub(BEFORE_BYTES));
    let before: Vec<String> = words(text.get(before_start..start).unwrap_or_default())
        .rev()
        .take(BEFORE_WORDS)
        .map(str::to_ascii_lowercase)
        .collect();
    let noun = before.iter().map(String::as_str).find(|word| !FILLERS.contains(word));
    if key.is_none() && is_part_of_longer(bytes, start, end) {
        // `/payments/45...` has an id of its own kind, `/cards/45...` and `visa-45...` a card.
        let is_card = noun.is_some_and(|noun| CARD_NAMES.contains(&noun));
        return Around::Told(if is_card { NumberUse::Card } else { NumberUse::Id });
    }
    if let Some(noun) = noun {
        if CARD_WORDS.contains(&noun) {
            return Around::Told(NumberUse::Card);
        }
        if ID_NAMES.contains(&singular(noun))
            || THINGS.contains(&singular(noun))
            || is_glued_id(noun)
        {
            return Around::Told(NumberUse::Id);
        }
    }
    let after_end = text.floor_char_boundary(end + AFTER_BYTES);
    let after = words(text.get(end..after_end).unwrap_or_default()).take(AFTER_WORDS);
    let says_card = |word: &str| CARD_WORDS.contains(&word);
    let is_card = before.iter().any(|word| says_card(word))
        || after.map(str::to_ascii_lowercase).any(|word| says_card(&word));
    match key {
        _ if is_card => Around::Told(NumberUse::Card),
        Some((_, true)) => Around::Field,
        None if is_value(text, start, end) => Around::Field,
        Some((_, false)) | None => Around::Nothing,
    }
}

/// Tells whether a number stands alone as a value of data that has lost its names: quoted or in
/// brackets, a column of a table, an element of a list.
fn is_value(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let (before, after) = (bytes.get(..start).unwrap_or_default(), bytes.get(end..));
    let after = after.unwrap_or_default();
    let is_quote = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\'' | b'`'));
    // A quote inside JSON inside a string has backslashes before it.
    let closing = after.iter().find(|byte| **byte != b'\\');
    if is_quote(before.last()) && is_quote(closing) && before.last() == closing {
        return true;
    }
    if before.last() == Some(&b'[') && after.first() == Some(&b']') {
        return true;
    }
    // In data of a list the elements may have spaces between them, in prose they do.
    let is_data = matches!(bytes.trim_ascii_start().first(), Some(b'[' | b'{'));
    let (before, after) = match is_data {
        true => (before.trim_ascii_end(), after.trim_ascii_start()),
        false => (before, after),
    };
    let divides = |byte: Option<&u8>| matches!(byte, Some(b',' | b';' | b'|' | b'\t' | b'\n'));
    let left = match before.last() {
        None => true,
        Some(b'[') => is_data && divides(after.first()),
        byte => divides(byte),
    };
    let right = match after.first() {
        None => true,
        Some(b']' | b'}') => is_data && divides(before.last()),
        byte => divides(byte),
    };
    left && right
}

/// What the surroundings of a number say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Around {
    /// What it is for.
    Told(NumberUse),
    /// Only that it is the value of a key, as a field of a record would be.
    Field,
    /// Nothing.
    Nothing,
}

/// Returns the key whose value begins at a position, and whether it is written as a field
/// (`key=`, `"key":`), not as prose (`the answer: 42`) or as a parameter of an address, where
/// positions and ids stand.
fn key_before(text: &str, start: usize) -> Option<(&str, bool)> {
    let bytes = text.as_bytes();
    let skip = |end: usize, wanted: &[u8]| {
        let window = bytes.get(end.saturating_sub(GAP_BYTES_MAX)..end).unwrap_or_default();
        end - window.iter().rev().take_while(|byte| wanted.contains(byte)).count()
    };
    let separator_end = skip(start, b" \t\"'`\\[(");
    let separator_start = skip(separator_end, b"=:>");
    let separator = text.get(separator_start..separator_end)?;
    if !matches!(separator, "=" | ":" | ":=" | "=>" | "==") {
        return None;
    }
    let quoted_end = skip(separator_start, b" \t");
    let key_end = skip(quoted_end, b"\"'`\\])");
    let is_quoted = text.get(key_end..quoted_end)?.contains(['"', '\'']);
    let window_start = key_end.saturating_sub(KEY_BYTES_MAX);
    let is_key = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.[$@".contains(byte);
    let window = bytes.get(window_start..key_end)?;
    let key_start = key_end - window.iter().rev().take_while(is_key).count();
    let key = text.get(key_start..key_end)?;
    let before_key = key_start.checked_sub(1).and_then(|before| bytes.get(before));
    let is_parameter = matches!(before_key, Some(b'?' | b'&'));
    let is_field = is_quoted || (separator.contains('=') && !is_parameter);
    key.bytes().any(|byte| byte.is_ascii_alphabetic()).then_some((key, is_field))
}

/// Tells whether a number is joined to more than itself: `blk_45...`, `/orders/45...`, `45...-1`.
fn is_part_of_longer(bytes: &[u8], start: usize, end: usize) -> bool {
    let at = |position: Option<usize>| position.and_then(|at| bytes.get(at)).copied();
    let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let joins = |byte: Option<u8>| byte.is_some_and(|byte| b"_-./:@#~%".contains(&byte));
    let left = start.checked_sub(1);
    let joined_left = joins(at(left)) && is_word(at(start.checked_sub(2)));
    let joined_right = joins(at(Some(end))) && is_word(at(Some(end + 1)));
    joined_left || joined_right || at(left) == Some(b'#')
}

/// Returns the words of a text: runs of ASCII letters.
fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphabetic()).filter(|word| !word.is_empty())
}

fn singular(word: &str) -> &str {
    match word {
        "ns" | "us" | "ts" => word,
        _ if word.ends_with("ss") => word,
        _ => word.strip_suffix('s').unwrap_or(word),
    }
}

/// Tells whether a word is `traceid`, `orderid` and the like, written without a mark between.
fn is_glued_id(word: &str) -> bool {
    let thing = word.strip_suffix("ids").or_else(|| word.strip_suffix("id"));
    thing.is_some_and(|thing| THINGS.contains(&thing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_their_numbers_are() {
        for name in [
            "trace_id",
            "traceId",
            "traceID",
            "dd.trace_id",
            "X-Request-ID",
            "requestid",
            "id",
            "_id",
            "insertId",
            "nonce",
            "uuid",
            "order_number",
            "invoice.no",
            "message_ids",
            "time_ns",
            "epoch",
            "ledger.seq",
            "parentSpanId",
            "order",
            "kafka.offset",
            "start_time_nanos",
            "payment_id",
            "billing.reference",
        ] {
            assert_eq!(NumberUse::of_name(name), NumberUse::Id, "{name}");
        }
        for name in
            ["card_id", "cardNumber", "card.number", "pan", "payment.card.id", "visa", "cc_no"]
        {
            assert_eq!(NumberUse::of_name(name), NumberUse::Card, "{name}");
        }
        for name in ["n", "account", "number", "value", "paid", "android", "message", ""] {
            assert_eq!(NumberUse::of_name(name), NumberUse::Unknown, "{name}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: Around) {
        let start = text.find(|c: char| c.is_ascii_digit()).expect("a number");
        let length = text[start..].bytes().take_while(u8::is_ascii_digit).count();
        assert_eq!(around(text, start, start + length), expected, "{text}");
    }

    #[test]
    fn the_nearest_noun_names_a_number() {
        const CARD: Around = Around::Told(NumberUse::Card);
        const ID: Around = Around::Told(NumberUse::Id);
        for text in [
            "card 4539",
            "card no. 4539",
            "Visa ending with 4539",
            "paid with 4539",
            "4539 (visa)",
            "charge of 12 EUR to 4539",
            "/cards/4539",
            "card-4539",
            "[CARD] 4539",
            "card_id=4539",
            r#"{"card":{"pan": "4539"#,
            r#"{"card": {"n": "4539"#,
            "number=4539&exp=xx",
            "credit card is 4539, thanks",
        ] {
            let text = &text.replace("12", "xx");
            check(text, CARD);
        }
        for text in [
            "order 4539 paid by card",
            "request id 4539",
            "Card refused for order 4539",
            "order #4539",
            "/orders/4539/items",
            "/payments/4539",
            "blk_4539",
            "trace_id=4539",
            r#"{\"trace_id\":\"4539"#,
            "ids: [4539",
            "4539-1 done",
            "snowflake 4539",
            "Order: 4539",
            "orderid 4539",
        ] {
            check(text, ID);
        }
        for text in [
            "n=4539",
            r#"{"n": 4539"#,
            "x = '4539",
            r#"["a@b.ch","4539"]"#,
            r#"["a", 4539]"#,
            r#"[\"a\",\"4539\"]"#,
            "a,4539,b",
            "a|4539|b",
            "4539,b",
            "a\t4539",
            "[4539, \"a\"]",
            "said '4539' twice",
            "4539",
            "[4539] started",
            "refused [4539]",
        ] {
            check(text, Around::Field);
        }
        for text in [
            "processed 4539 in time",
            "the answer: 4539",
            "(4539)",
            "/x?after=4539",
            "done, 4539, again",
            "it's 4539",
        ] {
            check(text, Around::Nothing);
        }
    }
}
