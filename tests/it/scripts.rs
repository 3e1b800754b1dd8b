//! Texts of every script through the real server: what is asked for is found in hot partitions,
//! after a kill and the replay of the log, and in sealed ones.

use serde_json::{Value, json};

use crate::harness::{Home, line, run};

/// A path of more bytes than the index has whole words of.
fn long_word(end: &str) -> String {
    format!("{}{end}", "Segment".repeat(20))
}

/// A text without a space that is longer than any column or template.
fn long_run() -> String {
    let start = 0x3400;
    (0..34_000).filter_map(|number| char::from_u32(start + number * 7 % 6_500)).collect()
}

/// Records, each with queries that find this record and no other.
fn cases() -> Vec<(Value, Vec<String>)> {
    let message = |text: &str, queries: &[&str]| {
        let queries = queries.iter().map(|q| (*q).to_owned()).collect();
        (json!({ "message": text }), queries)
    };
    let mut cases = vec![
        message(
            "Redis缓存连接超时，重试3次",
            &["缓存", "存连", "超", "缓*", "redis缓存", "\"重试 3 次\""],
        ),
        message("ユーザーのログインに失敗しました", &["ログイン", "ﾛｸﾞｲﾝ", "失敗", "\"に失\""]),
        message("결제가 실패했습니다", &["결제", "실패", "\"결제가 실패\""]),
        message("การชำระเงินล้มเหลว", &["ชำระ", "เงิน", "ล้ม*"]),
        message("ການຊຳລະເງິນ ບໍ່ສຳເລັດ", &["ເງິນ"]),
        message("ការទូទាត់បានបរាជ័យ", &["ទូទាត់"]),
        message("ငွေပေးချေမှု မအောင်မြင်ပါ", &["ပေးချေ"]),
        message("भुगतान विफल हुआ नमस्ते", &["नमस्ते", "\"भुगतान विफल\""]),
        message("فشل الدفع مَرَّة", &["الدفع", "مَرَّة"]),
        message("התשלום נכשל", &["נכשל"]),
        message("deploy 🚀 finished", &["🚀", "🚀*", "\"deploy 🚀\"", "finished 🚀"]),
        message("family 👨‍👩‍👧 joined", &["👨‍👩‍👧", "joined AND 👩"]),
        message("region 🇩🇪🇫🇷 up", &["🇩🇪", "🇫🇷 -🚀"]),
        message("thumbs 👍🏽", &["👍🏽"]),
        message("state OPEN -> CLOSED", &["->", "->*", "open -> closed", "\"->\""]),
        message("assert !!! {} => $5", &["!!!", "\"{}\"", "=>", "$", "assert AND \"=>\""]),
        message("cafe\u{301} FLU\u{308}CHTIG", &["café", "CAFÉ", "flüchtig", "\"café flüchtig\""]),
        message(
            "İSTANBUL Straße ΟΔΟΣ ｆｕｌｌ ﬁle",
            &["istanbul", "STRASSE", "οδος", "full", "file"],
        ),
        message("soft\u{ad}ware ad\u{200d}min \u{202b}rtl\u{202c}", &["software", "admin", "rtl"]),
        (
            json!({ "message": format!("load {} now", long_word("One")) }),
            vec![
                long_word("One"),
                format!("\"load {} now\"", long_word("ONE")),
                format!("load -{}", long_word("Two")),
                "*tone".to_owned(),
            ],
        ),
        (
            json!({ "message": format!("keep {}", long_word("Two")) }),
            vec![
                long_word("Two"),
                format!("\"keep {}\"*", long_word("T")),
                "/segmenttwo$/".to_owned(),
            ],
        ),
        (
            json!({ "message": "long", "note": long_run() }),
            vec![long_run().chars().skip(20_000).take(9).collect()],
        ),
    ];
    cases.extend(errors());
    cases
}

/// Errors: a word finds an error in any field of its record.
fn errors() -> Vec<(Value, Vec<String>)> {
    let case = |record: Value, q: &str| (record, vec![q.to_owned()]);
    vec![
        case(
            json!({"message": "m", "exc_info": ["Traceback:", "IndexError: list index"]}),
            "IndexError",
        ),
        case(json!({"message": "m", "exc_info": "KeyError: 'a'"}), "KeyError"),
        case(
            json!({"message": "m", "stack_trace": "java.io.IOException: broken pipe"}),
            "IOException",
        ),
        case(json!({"message": "m", "error_type": "ZeroDivisionError"}), "ZeroDivisionError"),
        case(json!({"message": "m", "error": {"message": "quota exceeded"}}), "\"quota exceeded\""),
        case(json!({"message": "m", "err": {"stack": "RangeError: x\n at y"}}), "RangeError"),
        case(
            json!({"message": "m", "exception": [{"exc_type": "LookupError", "exc_value": "不足"}]}),
            "LookupError 不足",
        ),
    ]
}

#[test]
fn what_stands_in_a_text_is_found_hot_replayed_and_sealed() {
    let cases = cases();
    let home = Home::new();
    let server = home.start();
    // The second time, messages are templates.
    for _ in 0..2 {
        let lines = cases.iter().enumerate().map(|(number, (record, _))| {
            let mut record = record.clone();
            record["number"] = json!(number);
            line(&record)
        });
        server.store(&lines.collect::<String>());
    }
    let check = |server: &crate::harness::Server<'_>| {
        for (number, (record, queries)) in cases.iter().enumerate() {
            for q in queries {
                let hits = server.hits(q);
                let found: Vec<&Value> = hits.iter().map(|hit| &hit["number"]).collect();
                assert_eq!(found, [&json!(number); 2], "{q:?} in {record}");
                let others = server.count(&format!("NOT ({q})"));
                assert_eq!(others, 2 * (cases.len() as u64 - 1), "NOT {q:?}");
            }
        }
        for q in ["缓连", "据库", "🇪🇫", "cafe", "<-", "fini 🚀", "indexerr", "plain => 🚀"]
        {
            assert_eq!(server.count(q), 0, "{q}");
        }
    };
    check(&server);
    server.kill();
    let server = home.start();
    server.await_count("", 2 * cases.len() as u64);
    check(&server);
    let address = server.query("");
    let sealed = run(&mut home.tierlog(&["compact", "--all", "--server", &address]));
    assert_eq!(sealed.code, 0, "{}", sealed.stderr);
    check(&server);
    // An emoji is the same character in any JSON notation.
    server.store("{\"level\":\"info\",\"message\":\"escaped \\ud83d\\ude80\\u7f13\\u5b58\"}\n");
    assert_eq!(server.count("\"escaped 🚀 缓\""), 1);
    // A word without content is refused, with its position.
    let refused = server.run(&["search", "redis \"\""]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("nothing to look for"), "{}", refused.stderr);
}
