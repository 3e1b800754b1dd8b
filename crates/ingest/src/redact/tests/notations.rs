//! Secrets under their keys, in every notation in which programs print them: each key with each
//! value in each notation. What stands behind the value has to stay.

use std::borrow::Cow;

use tierlog_model::Value;

use super::{Redactor, record, redacted, redactor};

/// Keys of one spelling for notations that know no other.
const KEYS: [&str; 6] =
    ["password", "api_key", "clientSecret", "DB_PASSWORD", "auth_token", "passwort"];

/// Values that are hard to tell from what is around them.
const VALUES: [&str; 5] = ["hunter2", "Tr0ub4dor&3", "p@ss(w0rd)!", "abcdefgh", "x-Y_z.9+/="];

/// Notations of `KEY` and its value, `§`; `kept=7` or another `kept` behind the value has to stay.
const NOTATIONS: &[&str] = &[
    "login KEY=§ kept=7",
    "login KEY='§', kept=7",
    "login KEY=\"§\" kept",
    "KEY: \"§\" kept",
    "KEY = §\nkept=7",
    "KEY := \"§\" kept",
    "{\"KEY\":\"§\",\"kept\":7}",
    "{\"user\": {\"KEY\": \"§\"}, \"kept\": 7}",
    "{\\\"KEY\\\":\\\"§\\\",\\\"kept\\\":7}",
    "{'KEY': '§', 'kept': 7}",
    "{'KEY': b'§', 'kept': 7}",
    "{:KEY=>\"§\", :kept=>7}",
    "{\"KEY\" => \"§\", \"kept\" => 7}",
    "{:KEY \"§\" :kept 7}",
    "%{KEY: \"§\", kept: 7}",
    "User { KEY: \"§\", kept: 7 }",
    "User { KEY: Some(\"§\"), kept: 7 }",
    "User { KEY: Secret(\"§\"), kept: 7 }",
    "Config { KEY: secrecy::SecretBox<alloc::String>(\"§\"), kept: 7 }",
    "User(KEY='§', kept=7)",
    "User{KEY='§', kept=7}",
    "KEY=Optional[§], kept=7",
    "KEY=['§'] kept",
    "KEY={\"§\"} kept",
    "KEY=(\"§\",) kept",
    "&{KEY:§ kept:7}",
    "map[KEY:§ kept:7]",
    "url.Values{\"KEY\":[]string{\"§\"}, \"kept\":[]string{\"7\"}}",
    "{ KEY: [ '§' ], kept: 7 }",
    "<r><KEY>§</KEY><kept>7</kept></r>",
    "<user KEY=\"§\" kept=\"7\"/>",
    "<add key=\"KEY\" value=\"§\" kept=\"7\"/>",
    "<entry key=\"KEY\"><![CDATA[§]]></entry> kept",
    "<key>KEY</key><string>§</string> kept",
    "KEY: |\n  §\n  §\nkept: 7",
    "KEY: >-\n    §\nkept: 7",
    "KEY:\n  - §\n  - §\nkept: 7",
    "run --KEY § kept",
    "run --KEY \"§\" kept",
    "run --KEY=§ kept",
    "argv: [\"run\", \"--KEY\", \"§\", \"kept\"]",
    "['--KEY', '§', 'kept']",
    "[(\"KEY\", \"§\"), (\"kept\", \"7\")]",
    "[[\"KEY\", \"§\"], [\"kept\", 7]]",
    "[{\"name\":\"KEY\",\"value\":\"§\"},{\"name\":\"kept\",\"value\":\"7\"}]",
    "{\"type\":\"field\",\"value\":\"§\",\"msg\":\"kept\",\"path\":\"KEY\",\"location\":\"body\"}",
    "[{\"loc\":[\"body\",\"KEY\"],\"msg\":\"kept\",\"input\":\"§\"}]",
    "{\"field\":\"KEY\",\"rejectedValue\":\"§\",\"kept\":7}",
    "Field error in object 'user' on field 'KEY': rejected value [§]; codes [kept]",
    "1 validation error\nKEY\n  kept [type=short, input_value='§', input_type=str]",
    "form-data; name=\"KEY\"\r\n\r\n§\r\n--kept",
    "INSERT INTO u (email, KEY) VALUES ('kept', '§')",
    "INSERT INTO \"u\" (\"KEY\", \"n\") VALUES ('§', 'kept'), ('§', 'kept')",
    "UPDATE u SET KEY = '§' WHERE n = 'kept'",
    "UPDATE u SET KEY = $1 WHERE n = $2 -- PARAMETERS: [\"§\",\"kept\"]",
    "INSERT INTO u (n, KEY) VALUES (%s, %s); args=('kept', '§')",
    "execute: UPDATE u SET KEY=$2 WHERE n=$1\nDETAIL:  parameters: $1 = 'kept', $2 = '§'",
    "n,KEY\nkept,§",
    "_POST['KEY'] = '§'; kept",
    "[KEY] => §\n[kept] => 7",
    "[\"KEY\"]=>\n  string(9) \"§\"\n[\"kept\"]=>7",
    "Key (KEY)=(§) already exists. kept",
    "Failing row contains (7, KEY='§', 'kept').",
    "KEY: Just \"§\" kept",
    "KEY: !!str \"§\"\nkept: 7",
    "GET /?KEY=§#kept",
];

/// Ways to write a line that readers see through.
const WRITINGS: [fn(&str) -> String; 6] = [
    str::to_owned,
    |line| line.replace('\n', "\\n").replace('\r', "\\r"),
    |line| format!("\u{1b}[36m{line}").replace('=', "\u{1b}[0m=\u{1b}[35m"),
    |line| line.replace('"', "&quot;"),
    |line| line.replace('=', "=\u{200b}"),
    |line| line.replace('"', "\\u0022"),
];

fn message(redactor: &Redactor, text: &str) -> String {
    let mut given = record("{}");
    given.fields.push(("message".into(), Value::Str(Cow::Borrowed(text))));
    redacted(redactor, given).get_str("message").expect("text stays text").to_owned()
}

#[test]
fn no_secret_survives_in_any_notation() {
    let redactor = redactor();
    let mut leaks = Vec::new();
    for notation in NOTATIONS {
        for key in KEYS {
            for value in VALUES {
                let line = notation.replace("KEY", key).replace('§', value);
                let answer = message(&redactor, &line);
                let is_kept = answer.contains("kept") == line.contains("kept");
                if answer.contains(value) || !is_kept || message(&redactor, &answer) != answer {
                    leaks.push(format!("{line:?} became {answer:?}"));
                }
            }
        }
    }
    assert!(leaks.is_empty(), "{} of them:\n{}", leaks.len(), leaks.join("\n"));
}

#[test]
fn no_secret_survives_in_any_writing() {
    let redactor = redactor();
    let mut leaks = Vec::new();
    for notation in NOTATIONS.iter().take(16) {
        for write in WRITINGS {
            let line = write(&notation.replace("KEY", "password").replace('§', "hunter2"));
            let answer = message(&redactor, &line);
            if answer.contains("hunter2") || message(&redactor, &answer) != answer {
                leaks.push(format!("{line:?} became {answer:?}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{} of them:\n{}", leaks.len(), leaks.join("\n"));
}

/// Notations of headers, whose values have words.
#[test]
fn headers_go_whole() {
    let redactor = redactor();
    for (line, expected) in [
        ("Authorization: Custom abc def\nHost: x", "Authorization: [SECRET]\nHost: x"),
        ("> Cookie: a=1; b=2;c=3\n> Accept: */*", "> Cookie: [SECRET]\n> Accept: */*"),
        (
            "rawHeaders: ['Host', 'x.org', 'Cookie', 'a=1; b=2', 'Accept', '*/*']",
            "rawHeaders: ['Host', 'x.org', 'Cookie', '[SECRET]', 'Accept', '*/*']",
        ),
        (
            "headers=[(b'host', b'x.org'), (b'cookie', b'a=1')]",
            "headers=[(b'host', b'x.org'), (b'cookie', b'[SECRET]')]",
        ),
        (
            r#"http.Header{"Cookie":[]string{"a=1"}, "Accept":[]string{"*/*"}}"#,
            r#"http.Header{"Cookie":"[SECRET]", "Accept":[]string{"*/*"}}"#,
        ),
        ("map[Cookie:[a=1; b=2] Accept:[*/*]]", "map[Cookie:[SECRET] Accept:[*/*]]"),
        ("curl -H 'Authorization: Foo bar baz' x.org", "curl -H 'Authorization: [SECRET]' x.org"),
        ("mysql -u root -phunter2 app", "mysql -u root -p[SECRET] app"),
        ("curl -u ada:hunter2 x.org", "curl -u ada:[SECRET] x.org"),
        ("password\thunter2\tkept", "password\t[SECRET]\tkept"),
        ("set api_key to hunter2, kept", "set api_key to [SECRET], kept"),
        ("PGPASSWORD=hunter2 psql -h db", "PGPASSWORD=[SECRET] psql -h db"),
    ] {
        assert_eq!(message(&redactor, line), expected);
        assert_eq!(message(&redactor, expected), expected);
    }
}
