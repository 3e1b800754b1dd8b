//! Tables of field names: secret ones, facts about secrets, and names that only look alike.

use super::super::registry::DETECTORS;
use super::*;

fn placeholders() -> Placeholders {
    Placeholders::new(DETECTORS.iter().map(|detector| detector.placeholder()))
}

fn table() -> KeyTable {
    KeyTable::new(&RedactionSettings::default(), placeholders())
}

#[track_caller]
fn check(verdict: KeyVerdict, names: &[&str]) {
    for name in names {
        assert_eq!(table().verdict(name), verdict, "{name}");
    }
}

#[test]
fn names_of_secrets_are_secret_in_any_spelling() {
    check(
        KeyVerdict::Secret,
        &[
            "password",
            "PASSWORD",
            "Password",
            "passwd",
            "pwd",
            "pass_word",
            "password1",
            "new_password2",
            "userPassword",
            "dbpassword",
            "DB_PASSWORD",
            "user.password",
            "password.value",
            "password_hash",
            "password_confirmation",
            "credentials.username",
            "secret",
            "client_secret",
            "clientSecret",
            "SECRET_KEY",
            "secret_key_base",
            "token",
            "access_token",
            "refreshToken",
            "csrf_token",
            "csrfmiddlewaretoken",
            "X-CSRFToken",
            "xsrf-token",
            "authToken",
            "github_token_prod",
            "id_token",
            "authorization",
            "Proxy-Authorization",
            "http.request.header.authorization",
            "HTTP_AUTHORIZATION",
            "cookie",
            "Set-Cookie",
            "http_cookie",
            "api_key",
            "apikey",
            "X-Api-Key",
            "x.api.key",
            "APIKey",
            "stripeApiKey",
            "private_key",
            "privateKeyPem",
            "aws_secret_access_key",
            "AccountKey",
            "session_id",
            "sessionid",
            "JSESSIONID",
            "PHPSESSID",
            "session.id",
            "session.key",
            "credential",
            "credentials",
            "cvv",
            "cvv2",
            "card_cvc",
            "card_number",
            "cardNumber",
            "card.number",
            "cc_number",
            "social_security_number",
            "otp.token",
            "headers[authorization]",
            "params[user][password]",
            "connectionString",
            "password_reset_url",
            "reset_password_token",
            "passphrase",
            "passwort",
            "neuesPasswort",
            "senha",
            "contrasena",
            "mot_de_passe",
            "wachtwoord",
            "db_creds",
            "seed_phrase",
            "recoveryPhrase",
            "backup_codes",
            "code_verifier",
            "pre_shared_key",
            "ssh_key",
            "licenseKey",
            "slack_webhook_url",
            "security_answer",
        ],
    );
    check(
        KeyVerdict::SecretWord,
        &["pin", "pin_code", "otp", "user.otp", "SSN", "wifi.psk", "mnemonic", "heslo"],
    );
    check(
        KeyVerdict::SecretOpaque,
        &["session", "jwt", "csrf", "sid", "auth", "request.auth", "sentry.dsn", "signature"],
    );
    check(KeyVerdict::SecretText, &["tokens", "pass", "db_pass", "cookies", "secrets"]);
}

#[test]
fn facts_about_secrets_and_other_words_are_plain() {
    check(
        KeyVerdict::Plain,
        &[
            "token_count",
            "token_valid",
            "token_url",
            "password_file",
            "password_verified",
            "accessKeyId",
            "userIdentity.accessKeyId",
            "httpTokens",
            "clientToken",
            "max_token",
            "token_type",
            "token.type",
            "tokens_used",
            "token_expires_at",
            "password_changed_at",
            "password_set",
            "password_length",
            "has_password",
            "is_token_valid",
            "requires_password",
            "password_reset_required",
            "cookie.max_age",
            "cookie_domain",
            "cookieConsent",
            "next_page_token",
            "nextToken",
            "continuationToken",
            "session_count",
            "session_duration_ms",
            "session_backend",
            "active_sessions",
            "spin",
            "ping",
            "pin_board",
            "pinned",
            "shipping",
            "mapping",
            "compass",
            "bypass",
            "pass_count",
            "passed",
            "author",
            "authority",
            "auth_method",
            "oauth_provider",
            "key",
            "keyboard",
            "monkey",
            "primary_key",
            "sort_key",
            "cache_key",
            "card",
            "card_type",
            "card_brand",
            "cwd",
            "inside",
            "considered",
            "zip_code",
            "status_code",
            "error_code",
            "country_code",
            "url",
            "link",
            "user_id",
            "email",
            "message",
            "secretary",
            "tokenizer",
            "",
            "...",
            "é",
        ],
    );
}

#[test]
fn configuration_adds_and_exempts_keys() {
    let settings = RedactionSettings::default()
        .with_secret_key("Badge_Number")
        .with_allowed_key("csrf-token")
        .with_allowed_key("game.session");
    let table = KeyTable::new(&settings, placeholders());
    assert_eq!(table.verdict("employee.badgeNumber"), KeyVerdict::Secret);
    assert_eq!(table.verdict("badge"), KeyVerdict::Plain);
    assert_eq!(table.verdict("csrfToken"), KeyVerdict::Plain);
    assert_eq!(table.verdict("game.session"), KeyVerdict::Plain);
    assert_eq!(table.verdict("web.csrf_token"), KeyVerdict::Secret);
    let off = KeyTable::new(&RedactionSettings::off().with_secret_key("badge"), placeholders());
    assert_eq!(off.verdict("badge"), KeyVerdict::Plain);
}

#[test]
fn every_term_holds_a_needle() {
    for (term, _) in TERMS {
        let mut needles = NEEDLES.iter().chain(SHORT_NEEDLES);
        assert!(needles.any(|needle| term.contains(*needle)), "{term}");
    }
}

#[test]
fn words_are_found_in_every_spelling() {
    for name in ["x_api_key", "X-Api-Key", "xApiKey", "x.api.key", "XAPIKey", "x api key"] {
        let words = Words::of(name);
        assert_eq!(words.letters(), "xapikey", "{name}");
    }
    assert_eq!(Words::of("XAPIKey").words_from(0).collect::<Vec<_>>(), ["xapi", "key"]);
    assert_eq!(Words::of("oauth2_token").words_from(0).collect::<Vec<_>>(), ["oauth", "token"]);
}
