//! Tables of texts for `key_value`: secrets in every notation, and prose and facts that stay.

use super::super::check::{check, check_untouched};
use super::*;

#[test]
fn values_of_secret_keys_are_replaced() {
    for (text, expected) in [
        ("password=hunter2", "password=[SECRET]"),
        ("login user=ada password=hunter2, ok", "login user=ada password=[SECRET], ok"),
        ("PASSWORD: Hunter2!", "PASSWORD: [SECRET]"),
        ("pwd='a b' x", "pwd='[SECRET]' x"),
        ("f(api_key=abc123)", "f(api_key=[SECRET])"),
        ("password=p@ss,w0rd;x=1", "password=[SECRET];x=1"),
        (r#"{"password": "a\"b", "n": 1}"#, r#"{"password": "[SECRET]", "n": 1}"#),
        (r#"{\"password\":\"a\\\"b\",\"n\":1}"#, r#"{\"password\":\"[SECRET]\",\"n\":1}"#),
        (r#"{"pin": 1234}"#, r#"{"pin": "[SECRET]"}"#),
        (
            r#"{"credentials": {"user": "a", "x": ["}"]}, "n": 1}"#,
            r#"{"credentials": "[SECRET]", "n": 1}"#,
        ),
        (r#"{"token":["a","b"]"#, r#"{"token":"[SECRET]""#),
        (r#"{"password": "cut of"#, r#"{"password": "[SECRET]"#),
        (r#"{"password": 12"#, r#"{"password": "[SECRET]""#),
        ("{'password': 'x', 'otp': 991122}", "{'password': '[SECRET]', 'otp': '[SECRET]'}"),
        (r#"{"name": "password", "value": "x"}"#, r#"{"name": "password", "value": "[SECRET]"}"#),
        (
            r#"{\"key\":\"Cookie\",\"value\":\"a=1\"}"#,
            r#"{\"key\":\"Cookie\",\"value\":\"[SECRET]\"}"#,
        ),
        ("Authorization: Bearer abc.def", "Authorization: [SECRET]"),
        ("authorization: Basic YTpi status=200", "authorization: [SECRET] status=200"),
        ("'Authorization': 'Token abc'", "'Authorization': '[SECRET]'"),
        (
            "Authorization: Digest username=\"a\", response=\"b\" next",
            "Authorization: [SECRET] next",
        ),
        ("Cookie: a=1; sessionid=xyz; c=3", "Cookie: [SECRET]"),
        ("Set-Cookie: sessionid=xyz; Path=/; HttpOnly", "Set-Cookie: [SECRET]"),
        ("X-Api-Key: abc", "X-Api-Key: [SECRET]"),
        ("mysql --password hunter2 --host db", "mysql --password [SECRET] --host db"),
        ("API key: abc123", "API key: [SECRET]"),
        ("DB_PASSWORD=x\nOTHER=y", "DB_PASSWORD=[SECRET]\nOTHER=y"),
        ("session: 8f3a91", "session: [SECRET]"),
        ("user[password]=x&user[name]=y", "user[password]=[SECRET]&user[name]=y"),
        (
            "<wsse:Password Type=\"t\">x y</wsse:Password>",
            "<wsse:Password Type=\"t\">[SECRET]</wsse:Password>",
        ),
        ("Key (session_key)=(a b) already exists.", "Key (session_key)=([SECRET]) already exists."),
        (
            "<QueryDict: {'password': ['x'], 'q': ['y']}>",
            "<QueryDict: {'password': '[SECRET]', 'q': ['y']}>",
        ),
        ("password == 'x'", "password == '[SECRET]'"),
    ] {
        check(&KeyValue, text, expected);
        check(&KeyValue, expected, expected);
    }
}

#[test]
fn wrappers_and_unknown_schemes_go_whole() {
    for (text, expected) in [
        (r#"password: Some("hunter2"), id: 7"#, "password: [SECRET], id: 7"),
        (r#"token=Secret("a b") x"#, "token=[SECRET] x"),
        ("password=['x)', 'y'] z", "password=[SECRET] z"),
        (r#"password: Some(\"hunter2\") z"#, "password: [SECRET] z"),
        (r#"password: Some("cut"#, "password: [SECRET]"),
        ("Authorization: SSWS abc123 next", "Authorization: [SECRET] next"),
        ("Authorization: Splunk abcdefghijklmnopqrs", "Authorization: [SECRET]"),
        (
            "passwort=x1 senha: geheim99 DB_CREDS=a:b",
            "passwort=[SECRET] senha: [SECRET] DB_CREDS=[SECRET]",
        ),
    ] {
        check(&KeyValue, text, expected);
        check(&KeyValue, expected, expected);
    }
}

#[test]
fn prose_facts_and_code_stay() {
    check_untouched(
        &KeyValue,
        &[
            "invalid token: signature mismatch",
            "token: expired",
            "password: required",
            "session: opened for user ada",
            "pam_unix(sshd:session): session closed",
            "password=null token=None pwd=",
            "token_count=12 max_token=5",
            "password != confirmation",
            "next_page_token=abc",
            "KeyguardUpdateMonitor: registerCallback",
            "pass: 12, fail: 3",
            "password changed for user ada",
            "std::token::Token",
            "install dbus-user-session:amd64 python3-jwt:all",
            "`csrf`: add protection",
            "<Password></Password> <token/> a <pin> b",
            "password=**** secret=[SECRET]",
            r#"{"password": null, "token": ""}"#,
            "at 12:30:10 key=course_17",
            "cookie consent: yes",
            "at com.example.TokenService.validate(TokenService.java:42)",
            "src/credentials.rs:120:9 password.py:7",
            "TokenFilter: started PasswordEncoderFactory: delegating2",
            "Session: 30546354_3247178690 initialized by client WindowsUpdateAgent",
            "PWD=/opt/x OLDPWD=/srv",
            "pam_unix(chpasswd:chauthtok): changed",
            "password=[FILTERED] token=${TOKEN} secret=<redacted>",
            "forgot password: sending mail",
            "token_valid=yes accessKeyId=x2 httpTokens=required",
            "auth=basic session=opened Authorization: denied for 42",
        ],
    );
}
