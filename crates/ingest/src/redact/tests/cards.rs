//! Cards and ids, counted: every card in a usual notation is found, and of ids with as many digits
//! not one in ten thousand is taken for one.

use super::{record, redacted, redactor};

/// A generator that needs no state but a number: the rates below are the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // splitmix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + (self.next() % 10) as u8)).collect()
    }
}

/// Returns an id as systems make them: any decimal of 16 to 19 digits, a snowflake, a moment in
/// nanoseconds or microseconds, half of a trace id as Datadog writes it.
fn id(random: &mut Random, kind: usize) -> String {
    match kind % 6 {
        0 => {
            let first = 1 + random.next() % 9;
            let rest = 15 + (random.next() % 4) as usize;
            format!("{first}{}", random.digits(rest))
        }
        1 => {
            // Milliseconds since 2010 to 2015, machine and sequence.
            let millis = 1_795_176_000_000 - 1_288_834_974_657 + random.next() % 100_000_000;
            ((millis << 22) | (random.next() % (1 << 22))).to_string()
        }
        2 => (1_795_176_000_000_000_000 + random.next() % 1_000_000_000_000_000).to_string(),
        3 => (1_795_176_000_000_000 + random.next() % 1_000_000_000_000).to_string(),
        4 => ((random.next() >> 1) | (1 << 60)).to_string(),
        _ => format!("4{}", random.digits(15)),
    }
}

/// How ids stand in records: fields of every type, lists, texts, keys and values, addresses.
const ID_PLACES: [&str; 22] = [
    r#"{"trace_id":"ID"}"#,
    r#"{"request_id":ID}"#,
    r#"{"spanId":ID}"#,
    r#"{"dd.trace_id":"ID"}"#,
    r#"{"order_number":ID}"#,
    r#"{"insertId":"ID"}"#,
    r#"{"nonce":ID}"#,
    r#"{"message_ids":[ID,"ID"]}"#,
    r#"{"items":[{"id":ID,"parentId":"ID"}]}"#,
    r#"{"message":"request ID done in 3 ms"}"#,
    r#"{"message":"moved block blk_ID to 10.0.0.1"}"#,
    r#"{"message":"trace_id=ID span_id=ID user=42"}"#,
    r#"{"message":"GET /orders/ID/items?after=ID&cursor_id=ID 200"}"#,
    r#"{"path":"/api/v1/orders/ID"}"#,
    r#"{"url":"https://shop.example.org/o/ID?order_id=ID"}"#,
    r#"{"message":"order #ID shipped, invoice ID sent"}"#,
    r#"{"message":"{\"trace_id\":\"ID\",\"span\":{\"id\":ID}}"}"#,
    r#"{"message":"processed ID in 12 ms"}"#,
    r#"{"message":"ids: ID, ID, ID"}"#,
    r#"{"message":"commit ID-3 of partition ID.log"}"#,
    r#"{"detail":"lock held by (ID) since start"}"#,
    r#"{"message":"Payment refused for order ID"}"#,
];

#[test]
fn of_ten_thousand_ids_none_is_taken_for_a_card() {
    let redactor = redactor();
    let mut random = Random(11);
    let (mut seen, mut taken) = (0_u32, Vec::new());
    for round in 0..1_500 {
        for (place, shape) in ID_PLACES.iter().enumerate() {
            let mut line = (*shape).to_owned();
            while line.contains("ID") {
                seen += 1;
                line = line.replacen("ID", &id(&mut random, round + place), 1);
            }
            if redacted(&redactor, record(&line)).get("_redacted").is_some() {
                taken.push(line);
            }
        }
    }
    assert!(seen >= 40_000, "{seen}");
    assert!(taken.is_empty(), "{} of {seen} ids, {:?}", taken.len(), taken.first());
}

/// Numbers that the issuers publish for tests, one of each kind at least.
const CARDS: [&str; 24] = [
    "4111111111111111",
    "4012888888881881",
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "5105105105105100",
    "2223003122003222",
    "2223000048410010",
    "378282246310005",
    "371449635398431",
    "378734493671000",
    "6011111111111117",
    "6011000990139424",
    "30569309025904",
    "38520000023237",
    "36227206271667",
    "3530111333300000",
    "3566002020360505",
    "6200000000000005",
    "6304000000000000",
    "6759649826438453",
    "2200000000000004",
    "6521111111111110",
    "6205500000000000004",
];

/// Notations in which cards reach logs. `CARD` is the number together, `C-D` in its groups.
const CARD_PLACES: [&str; 27] = [
    r#"{"message":"C D"}"#,
    r#"{"message":"customer gave C D by phone"}"#,
    r#"{"message":"customer gave C-D by phone"}"#,
    r#"{"message":"card CARD was declined"}"#,
    r#"{"message":"Card number: CARD"}"#,
    r#"{"message":"Visa CARD exp 12/29"}"#,
    r#"{"message":"cannot charge CARD: insufficient funds"}"#,
    r#"{"message":"paid 12.50 EUR with CARD"}"#,
    r#"{"message":"payment of order 4711 by CARD refused"}"#,
    r#"{"message":"CARD (cvv missing)"}"#,
    r#"{"message":"card=CARD amount=12"}"#,
    r#"{"message":"pan: CARD"}"#,
    r#"{"message":"POST /cards/CARD/charges"}"#,
    r#"{"message":"{\"card\":{\"no\":\"CARD\"}}"}"#,
    r#"{"message":"{\"amount\":12,\"cc\":CARD}"}"#,
    r#"{"message":"CARD"}"#,
    r#"{"message":"[\"a@example.org\",\"CARD\"] is no record"}"#,
    r#"{"message":"INSERT INTO t VALUES ('x', 'CARD')"}"#,
    r#"{"message":"7,CARD,EUR"}"#,
    r#"{"account":"CARD"}"#,
    r#"{"account":CARD}"#,
    r#"{"card_id":"CARD"}"#,
    r#"{"card_number":CARD}"#,
    r#"{"card":"C D"}"#,
    r#"{"payment":{"card":{"id":CARD}}}"#,
    r#"{"cards":["CARD",CARD]}"#,
    r#"{"instruments":[{"pan":"CARD"},{"pan":CARD}]}"#,
];

/// Returns a number in the groups of its issuer, or together when none are usual for its length.
fn grouped(card: &str, separator: &str) -> String {
    let groups: &[usize] = match card.len() {
        14 => &[4, 6, 4],
        15 => &[4, 6, 5],
        16 => &[4, 4, 4, 4],
        _ => &[4, 4, 4, 4, 3],
    };
    let mut rest = card;
    let parts: Vec<&str> = groups
        .iter()
        .map(|group| {
            let (part, after) = rest.split_at(*group);
            rest = after;
            part
        })
        .collect();
    parts.join(separator)
}

#[test]
fn every_card_in_a_usual_notation_is_found() {
    let redactor = redactor();
    let (mut seen, mut missed) = (0_u32, Vec::new());
    for card in CARDS {
        for place in CARD_PLACES {
            // Alone and unnamed, a number of 17 and more digits is an id far more often.
            let is_bare = [r#""message":"CARD""#, r#""account""#, r#"CARD\""#, "'CARD'", "7,CARD"]
                .iter()
                .any(|p| place.contains(p));
            if is_bare && card.len() > 16 {
                continue;
            }
            let line = place
                .replace("C D", &grouped(card, " "))
                .replace("C-D", &grouped(card, "-"))
                .replace("CARD", card);
            seen += 1;
            let shown = super::shown(&redacted(&redactor, record(&line)));
            let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
            if digits.contains(card) || !shown.contains('[') {
                missed.push(line);
            }
        }
    }
    assert!(seen > 500, "{seen}");
    assert!(missed.is_empty(), "{} of {seen} cards, {missed:#?}", missed.len());
}
