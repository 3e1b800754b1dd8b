//! Lines that leak: each plants personal data or a credential where real applications put it by
//! mistake, and notes it for the manifest.
//!
//! The table [`LEAKS`] is the list of what redaction must find; a new leak is one function and
//! one line there.

use tierlog_model::Level;

use super::event::Event;
use super::happening::Place;
use super::json::object_text;
use super::random::Random;
use super::secret::{self, Grouping};

type Leak = fn(&mut Event, &mut Random);

/// Every kind of leaking line, each as frequent as the others.
const LEAKS: &[Leak] = &[
    email_of_failed_login,
    email_in_field,
    email_deep_in_profile,
    email_in_integrity_error,
    email_as_key,
    two_emails_in_message,
    card_in_message,
    card_as_number,
    card_in_json_in_string,
    ssn_in_message,
    ssn_in_field,
    iban_in_message,
    iban_in_field,
    jwt_in_message,
    bearer_in_headers,
    bearer_in_message,
    basic_in_headers,
    cookie_in_headers,
    password_in_database_url,
    token_in_link,
    private_key_in_field,
    aws_keys_in_environment,
    github_token_in_message,
    stripe_key_in_traceback,
    google_key_in_url,
    slack_token_in_message,
    password_deep_in_form,
    secrets_that_are_not_text,
    password_in_task_arguments,
    password_in_message,
    password_in_traceback,
];

/// Fills an empty event with a leak.
pub(super) fn plant(event: &mut Event, random: &mut Random) {
    random.pick(LEAKS)(event, random);
}

const ACCOUNTS: Place = ("lms.accounts", "/app/lms/accounts/views.py", 131);
const BACKENDS: Place = ("lms.accounts", "/app/lms/accounts/backends.py", 73);
const SETTINGS: Place = ("lms.settings", "/app/lms/settings/check.py", 22);
const PAYMENTS: Place = ("lms.payments", "/app/payments/services.py", 118);
const PAYOUTS: Place = ("lms.payouts", "/app/payments/payouts.py", 56);
const REQUESTS: Place = ("lms.middleware.debug", "/app/lms/middleware/debug.py", 30);
const TASKS: Place = ("celery.worker.strategy", "/venv/lib/celery/worker/strategy.py", 161);

impl Event {
    fn begin(&mut self, level: Level, place: Place, message: &str) {
        self.level = level;
        self.place = place;
        self.message.push_str(message);
    }

    /// Appends a planted value to the message.
    fn say_planted(&mut self, kind: &'static str, value: String) {
        self.message.push_str(&value);
        self.note(kind, value);
    }

    /// Writes a planted value as a field.
    fn plant_text(&mut self, name: &str, kind: &'static str, value: String) {
        self.members().text(name, &value);
        self.note(kind, value);
    }

    fn note(&mut self, kind: &'static str, value: String) {
        self.planted.push((kind, value));
    }
}

fn email_of_failed_login(event: &mut Event, random: &mut Random) {
    event.begin(Level::Warning, BACKENDS, "Authentication failed for ");
    event.say_planted("email", secret::email(random));
    event.message.push_str(": invalid credentials");
    event.members().number("attempt", 1 + u64::from(random.below(5)));
}

fn email_in_field(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, ACCOUNTS, "Account registered");
    event.plant_text("email", "email", secret::email(random));
    event.members().text("plan", "student");
}

fn email_deep_in_profile(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, ACCOUNTS, "Profile updated");
    let email = secret::email(random);
    event.members().object("changes", |changes| {
        changes.object("profile", |profile| {
            profile.object("contact", |contact| contact.text("primary", &email));
            profile.text("language", "fr");
        });
    });
    event.note("email", email);
}

fn email_in_integrity_error(event: &mut Event, random: &mut Random) {
    event.begin(Level::Error, ACCOUNTS, "Internal error: django.db.utils.IntegrityError");
    event.error_type = "django.db.utils.IntegrityError";
    event.trace("register", "user = form.save()");
    let email = secret::email(random);
    event
        .traceback
        .push_str("duplicate key value violates unique constraint \"auth_user_email\"\n");
    for part in ["DETAIL:  Key (email)=(", &email, ") already exists.\n"] {
        event.traceback.push_str(part);
    }
    event.note("email", email);
}

fn email_as_key(event: &mut Event, random: &mut Random) {
    event.begin(Level::Debug, TASKS, "Grouped mails by recipient");
    let email = secret::email(random);
    event.members().object("mails", |mails| mails.number(&email, 3));
    event.note("email", email);
}

fn two_emails_in_message(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, TASKS, "Mail sent from <");
    event.say_planted("email", secret::email(random));
    event.message.push_str("> to <");
    event.say_planted("email", secret::email(random));
    event.message.push('>');
}

fn card_in_message(event: &mut Event, random: &mut Random) {
    event.begin(Level::Warning, PAYMENTS, "Card ");
    let separator = *random.pick(&[' ', '-']);
    event.say_planted("card", secret::card(random, Grouping::With(separator)));
    event.message.push_str(" declined: insufficient_funds");
}

fn card_as_number(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, PAYMENTS, "Instrument attached");
    let card = secret::card(random, Grouping::None);
    event.members().object("instrument", |instrument| {
        instrument.text("brand", "card");
        instrument.literal("account", &card);
    });
    event.note("card", card);
}

fn card_in_json_in_string(event: &mut Event, random: &mut Random) {
    event.begin(Level::Debug, PAYMENTS, "Request to the payment provider");
    let card = secret::card(random, Grouping::With('-'));
    let body = object_text(|body| {
        body.number("amount", 4_900);
        body.object("card", |object| object.text("number", &card));
    });
    event.members().text("body_text", &body);
    event.note("card", card);
}

fn ssn_in_message(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, PAYOUTS, "Tax form 1098-T prepared, SSN ");
    event.say_planted("ssn", secret::ssn(random));
}

fn ssn_in_field(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, PAYOUTS, "Instructor verified");
    event.plant_text("tax_number", "ssn", secret::ssn(random));
}

fn iban_in_message(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, PAYOUTS, "Payout sent to ");
    event.say_planted("iban", secret::iban(random, Grouping::With(' ')));
    event.message.push_str(", expected in 2 days");
}

fn iban_in_field(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, PAYOUTS, "Payout account changed");
    event.plant_text("destination", "iban", secret::iban(random, Grouping::None));
}

fn jwt_in_message(event: &mut Event, random: &mut Random) {
    event.begin(Level::Debug, ACCOUNTS, "Session refreshed with ");
    event.say_planted("jwt", secret::jwt(random));
}

fn bearer_in_headers(event: &mut Event, random: &mut Random) {
    event.begin(Level::Debug, REQUESTS, "Request received");
    let token = secret::token(random);
    event.members().object("headers", |headers| {
        headers.text("Accept", "application/json");
        headers.text("Authorization", &format!("Bearer {token}"));
    });
    event.note("bearer", token);
}

fn bearer_in_message(event: &mut Event, random: &mut Random) {
    event.begin(Level::Warning, ACCOUNTS, "Token rejected, header was 'Authorization: Bearer ");
    event.say_planted("bearer", secret::token(random));
    event.message.push('\'');
}

fn basic_in_headers(event: &mut Event, random: &mut Random) {
    event.begin(Level::Debug, REQUESTS, "Request forwarded with Proxy-Authorization: Basic ");
    event.say_planted("basic", secret::basic(random));
}

fn cookie_in_headers(event: &mut Event, random: &mut Random) {
    event.begin(Level::Debug, REQUESTS, "Request received");
    let session = secret::token(random);
    let csrf = secret::token(random);
    event.members().object("headers", |headers| {
        headers.text("cookie", &format!("sessionid={session}; csrftoken={csrf}"));
    });
    event.note("cookie", session);
    event.note("cookie", csrf);
}

fn password_in_database_url(event: &mut Event, random: &mut Random) {
    event.begin(Level::Error, SETTINGS, "Cannot connect to postgres://lms:");
    event.say_planted("url_credentials", secret::password(random));
    event.message.push_str("@pg-primary:5432/lms?sslmode=require");
}

fn token_in_link(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, ACCOUNTS, "Password reset mail queued");
    let token = secret::token(random);
    event.members().text("link", &format!("https://lms.example.org/reset?uid=MQ&token={token}"));
    event.note("url_credentials", token);
}

fn private_key_in_field(event: &mut Event, random: &mut Random) {
    event.begin(Level::Error, SETTINGS, "Signing key cannot be read");
    let lines = [secret::private_key_line(random), secret::private_key_line(random)];
    let block =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    event.members().text("pem_text", &block);
    for line in lines {
        event.note("private_key", line);
    }
}

fn aws_keys_in_environment(event: &mut Event, random: &mut Random) {
    event.begin(Level::Debug, SETTINGS, "Storage configured for key ");
    event.say_planted("aws_key", secret::aws_key_id(random));
    let value = secret::aws_secret(random);
    event.members().object("environment", |environment| {
        environment.text("AWS_REGION", "eu-central-1");
        environment.text("AWS_SECRET_ACCESS_KEY", &value);
    });
    event.note("secret", value);
}

fn github_token_in_message(event: &mut Event, random: &mut Random) {
    event.begin(Level::Warning, SETTINGS, "Course import could not clone with ");
    event.say_planted("github_token", secret::github_token(random));
}

fn stripe_key_in_traceback(event: &mut Event, random: &mut Random) {
    event.begin(Level::Error, PAYMENTS, "Internal error: stripe.error.AuthenticationError");
    event.error_type = "stripe.error.AuthenticationError";
    event.trace("charge", "intent = stripe.PaymentIntent.create(**arguments)");
    let key = secret::stripe_key(random);
    event.traceback.push_str("Expired key provided: ");
    event.traceback.push_str(&key);
    event.note("stripe_key", key);
}

fn google_key_in_url(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, SETTINGS, "Geocoder called at https://maps.example.com/json?key=");
    event.say_planted("google_key", secret::google_key(random));
}

fn slack_token_in_message(event: &mut Event, random: &mut Random) {
    event.begin(Level::Warning, TASKS, "Alert channel refused ");
    event.say_planted("slack_token", secret::slack_token(random));
}

fn password_deep_in_form(event: &mut Event, random: &mut Random) {
    event.begin(Level::Debug, REQUESTS, "Form received");
    let password = secret::password(random);
    event.members().object("form", |form| {
        form.object("data", |data| {
            data.object("account", |account| {
                account.object("credentials", |credentials| {
                    credentials.text("Password", &password);
                });
            });
        });
    });
    event.note("secret", password);
}

fn secrets_that_are_not_text(event: &mut Event, random: &mut Random) {
    event.begin(Level::Debug, SETTINGS, "Integration loaded");
    let api_key = secret::number(random, 14);
    let password = secret::password(random);
    event.members().object("integration", |integration| {
        integration.literal("api_key", &api_key);
        integration.literal("client_secret", &format!("[\"v2\", \"{password}\"]"));
    });
    event.note("secret", api_key);
    event.note("secret", password);
}

fn password_in_task_arguments(event: &mut Event, random: &mut Random) {
    event.begin(Level::Info, TASKS, "Task lms.accounts.tasks.create_user received");
    let password = secret::password(random);
    let arguments = object_text(|arguments| {
        arguments.text("locale", "en");
        arguments.text("password", &password);
    });
    event.members().text("kwargs_text", &arguments);
    event.note("secret", password);
}

fn password_in_message(event: &mut Event, random: &mut Random) {
    event.begin(Level::Warning, BACKENDS, "LDAP bind refused for uid=svc-lms, password=");
    event.say_planted("secret", secret::password(random));
    event.message.push_str(" server=ldap-1");
}

fn password_in_traceback(event: &mut Event, random: &mut Random) {
    event.begin(Level::Error, BACKENDS, "Internal error: ldap3.core.exceptions.LDAPBindError");
    event.error_type = "ldap3.core.exceptions.LDAPBindError";
    event.trace("bind", "raise LDAPBindError(explanation)");
    let password = secret::password(random);
    for part in ["automatic bind not successful: password='", &password, "' result=49"] {
        event.traceback.push_str(part);
    }
    event.note("secret", password);
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::super::vocabulary::SERVICES;
    use super::*;

    #[test]
    fn every_leak_says_what_it_planted_and_where() {
        for service in SERVICES {
            let mut random = Random::from_seed(11);
            for leak in LEAKS {
                let mut event = Event::new(service, "host");
                leak(&mut event, &mut random);
                assert!(!event.planted.is_empty(), "{}", event.message);
                let fields = String::from_utf8_lossy(&event.fields);
                for (kind, value) in &event.planted {
                    let places = [event.message.as_str(), &fields, &event.traceback];
                    assert!(places.iter().any(|place| place.contains(value)), "{kind} {value}");
                }
            }
        }
    }
}
