//! Values that are code and no secrets: `password=password`, `os.environ["DB_PASSWORD"]`,
//! `self.token`, `Token{ec1c05d ActivityRecord{...}}`, `BinderProxy@3e6f521`. Stack traces and
//! compilers quote code, and platforms print their objects.

use super::boundary::run_end;
use super::pair::Key;

/// Functions and tables that look a value up by its name.
const LOOKUPS: [&str; 18] = [
    "environ",
    "getenv",
    "env",
    "ENV",
    "get",
    "fetch",
    "getString",
    "getProperty",
    "lookup",
    "var",
    "getpass",
    "config",
    "settings",
    "params",
    "props",
    "args",
    "headers",
    "cookies",
];

/// Functions that make a value of what they are given, so the value is in their brackets.
const MAKERS: [&str; 12] = [
    "string", "str", "bytes", "text", "secret", "some", "crypt", "md5", "sha1", "sha256", "encode",
    "quote",
];

/// Tells whether a value without quotes is an expression.
pub(super) fn is_expression(written: &str, key: &Key<'_>) -> bool {
    is_name_again(written, key.name) || is_lookup(written) || is_object(written)
}

/// Tells whether a value is the key again, alone or of an object: `password=password`,
/// `secret=settings.SECRET_KEY`.
fn is_name_again(written: &str, name: &str) -> bool {
    let written = written.trim_end_matches([')', ';', ',', ']', '}']);
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"_.$>-?".contains(&byte);
    if !written.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '_' | '$'))
        || !written.bytes().all(is_path)
    {
        return false;
    }
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase()
    };
    let last_of = |text: &str| letters(text.rsplit(['.', '>', '[']).next().unwrap_or(text));
    let (value, key) = (last_of(written), last_of(name));
    let has_digit = written.bytes().any(|byte| byte.is_ascii_digit());
    let is_same =
        !value.is_empty() && !key.is_empty() && (value.ends_with(&key) || key.ends_with(&value));
    let is_member = written.starts_with("self.") || written.starts_with("this.");
    is_same && !has_digit || is_member
}

/// Tells whether a value calls a function: without a text in its brackets, or with the name of
/// what is looked up.
fn is_lookup(written: &str) -> bool {
    let bytes = written.as_bytes();
    let open = run_end(bytes, 0, |byte| byte.is_ascii_alphanumeric() || b"_.:?!".contains(&byte));
    let Some((callee, inside)) = written.split_at_checked(open) else { return false };
    let function = callee.rsplit(['.', ':']).next().unwrap_or_default();
    let is_call = matches!(inside.bytes().next(), Some(b'(' | b'['))
        && function.starts_with(|first: char| {
            first.is_ascii_lowercase() || first == '_' || callee == "ENV"
        });
    if !is_call || MAKERS.contains(&function) {
        return false;
    }
    let inside = inside.get(1..).unwrap_or_default().trim_end_matches([')', ']', '?', ';', ',']);
    let is_name = |byte: u8| byte.is_ascii_alphabetic() || b"_-. ,=\"'".contains(&byte);
    let is_text = inside.contains(['"', '\'']);
    match is_text {
        true => LOOKUPS.contains(&function) && inside.bytes().all(is_name),
        false => inside.is_empty() || callee.contains(['.', '_', '(']) || inside.contains('.'),
    }
}

/// Tells whether a value is an object as a platform prints its identity.
fn is_object(written: &str) -> bool {
    let is_hex = |text: &str| {
        (4..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let is_class = |text: &str| {
        text.rsplit('.')
            .next()
            .unwrap_or(text)
            .starts_with(|first: char| first.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._$".contains(&byte))
    };
    if let Some((class, identity)) = written.split_once('@') {
        return is_class(class) && is_hex(identity);
    }
    let Some((class, inside)) = written.split_once('{') else { return false };
    is_class(class) && inside.split([' ', '}']).next().is_some_and(is_hex)
}

/// Tells whether a value is a handle of a machine, `0x14ede63a5a70004`: of a session, say.
pub(super) fn is_handle(written: &str) -> bool {
    written.strip_prefix("0x").is_some_and(|digits| {
        (1..=16).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Fewest words of a sentence.
const SENTENCE_WORDS_MIN: usize = 4;

/// Tells whether a quoted value is a sentence of a validator: `This field is required.`
pub(super) fn is_sentence(written: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"'-,".contains(&byte))
    };
    let Some(body) = written.strip_suffix('.') else { return false };
    body.starts_with(|first: char| first.is_ascii_uppercase())
        && body.split(' ').count() >= SENTENCE_WORDS_MIN
        && body.split(' ').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::super::pair::keys;
    use super::*;

    #[test]
    fn code_is_told_from_secrets() {
        for code in [
            "password=password)",
            "password=self.password,",
            "secret=settings.SECRET",
            "token=get_token(request)",
            "password = os.environ[\"DB_PASSWORD\"]",
            "api_key=os.getenv(\"API_KEY\")",
            "password = prompt()?;",
            "mToken=android.os.BinderProxy@3e6f521",
            "session=TSI@b880",
            "token=Token{ec1c05d ActivityRecord{54df8dd u0}}",
        ] {
            let key = keys(code).next().expect("a key");
            assert!(is_expression(&code[key.value_start..], &key), "{code}");
        }
        for secret in [
            "password=hunter2",
            "password=Some(\"x\")",
            "password=Optional[hunter2]",
            "password=string(7)",
            "password=password1",
            "password=f(x1y2)",
            "password=ada@example",
            "token=str(\"letters\")",
        ] {
            let key = keys(secret).next().expect("a key");
            assert!(!is_expression(&secret[key.value_start..], &key), "{secret}");
        }
        assert!(is_sentence("This field is required."));
        assert!(!is_sentence("correct horse battery staple"));
        assert!(is_handle("0x14ede63a5a70004") && !is_handle("14ede63a"));
    }
}
