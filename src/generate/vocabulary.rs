//! The world of the generated application: a learning platform's services and what they serve.
//!
//! Data only. The first members of a table are the frequent ones.

use super::fact::Fact;

/// Which library a service logs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// python-json-logger with `timestamp=True`: RFC 3339 in UTC.
    PythonIso,
    /// python-json-logger with `%(asctime)s`: comma, no zone.
    PythonAsctime,
    /// structlog's JSON renderer; django-guid's `correlation_id`.
    Structlog,
    /// pino under Node: level numbers, unix milliseconds, nested `req` and `res`.
    Pino,
    /// OpenTelemetry's log record with `attributes` and `resource`.
    OpenTelemetry,
}

/// One deployed program.
#[derive(Debug)]
pub(super) struct Service {
    /// Its name.
    pub(super) name: &'static str,
    /// What it logs with.
    pub(super) shape: Shape,
    /// Where it runs.
    pub(super) hosts: &'static [&'static str],
    /// What it serves.
    pub(super) endpoints: &'static [Endpoint],
    /// How many of a hundred requests arrive here.
    pub(super) share: u32,
}

/// An act of a service on request.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Logical name, Django's view name or Celery's task name.
    pub(super) name: &'static str,
    /// HTTP method; none for a background task.
    pub(super) method: Option<&'static str>,
    /// Path before the id.
    pub(super) before: &'static str,
    /// The id in the path.
    pub(super) id: Option<Fact>,
    /// Path after the id.
    pub(super) after: &'static str,
    /// Half of the calls take longer, milliseconds.
    pub(super) median_ms: u32,
}

const fn page(
    name: &'static str,
    method: &'static str,
    before: &'static str,
    median_ms: u32,
) -> Endpoint {
    Endpoint { name, method: Some(method), before, id: None, after: "", median_ms }
}

const fn item(
    name: &'static str,
    method: &'static str,
    path: (&'static str, Fact, &'static str),
    median_ms: u32,
) -> Endpoint {
    let (before, id, after) = path;
    Endpoint { name, method: Some(method), before, id: Some(id), after, median_ms }
}

const fn task(name: &'static str, median_ms: u32) -> Endpoint {
    Endpoint { name, method: None, before: "", id: None, after: "", median_ms }
}

const WEB: &[Endpoint] = &[
    item("course-detail", "GET", ("/courses/", Fact::Course, "/"), 48),
    item("lesson-detail", "GET", ("/lessons/", Fact::Lesson, "/"), 41),
    page("dashboard", "GET", "/dashboard/", 72),
    page("course-list", "GET", "/courses/", 85),
    page("login", "POST", "/accounts/login/", 190),
    item("quiz-take", "POST", ("/quizzes/", Fact::Quiz, "/submit/"), 110),
    page("home", "GET", "/", 22),
    item("enrol", "POST", ("/courses/", Fact::Course, "/enrol/"), 130),
    page("profile", "GET", "/accounts/profile/", 35),
    page("password-reset", "POST", "/accounts/password_reset/", 160),
    item("assignment-upload", "POST", ("/assignments/", Fact::Lesson, "/upload/"), 640),
    page("register", "POST", "/accounts/register/", 230),
];

const API: &[Endpoint] = &[
    item("api:progress", "PATCH", ("/api/v1/lessons/", Fact::Lesson, "/progress"), 18),
    item("api:course", "GET", ("/api/v1/courses/", Fact::Course, ""), 31),
    page("api:course-list", "GET", "/api/v1/courses", 64),
    page("api:me", "GET", "/api/v1/me", 12),
    item("api:quiz-attempt", "POST", ("/api/v1/quizzes/", Fact::Quiz, "/attempts"), 90),
    page("api:search", "GET", "/api/v1/search", 140),
    item("api:discussion", "GET", ("/api/v1/courses/", Fact::Course, "/threads"), 77),
    page("api:notifications", "GET", "/api/v1/notifications", 15),
    item("api:video-event", "POST", ("/api/v1/lessons/", Fact::Lesson, "/events"), 9),
    item("api:certificate", "GET", ("/api/v1/courses/", Fact::Course, "/certificate"), 320),
];

const TASKS: &[Endpoint] = &[
    task("lms.notifications.tasks.send_email", 240),
    task("lms.progress.tasks.recalculate_progress", 95),
    task("lms.analytics.tasks.aggregate_events", 1_400),
    task("lms.media.tasks.transcode_video", 9_000),
    task("lms.certificates.tasks.render_pdf", 2_100),
    task("lms.search.tasks.reindex_course", 610),
];

const PAYMENTS: &[Endpoint] = &[
    page("checkout", "POST", "/payments/checkout", 420),
    item("payment-status", "GET", ("/payments/orders/", Fact::Order, ""), 28),
    page("webhook", "POST", "/payments/webhook", 65),
    item("refund", "POST", ("/payments/orders/", Fact::Order, "/refund"), 510),
    page("invoice-list", "GET", "/payments/invoices", 75),
];

const NOTIFICATIONS: &[Endpoint] = &[
    page("push", "POST", "/push", 11),
    page("inbox", "GET", "/inbox", 14),
    item("mark-read", "PUT", ("/threads/", Fact::Count, "/read"), 8),
];

const GATEWAY: &[Endpoint] = &[
    page("token", "POST", "/oauth2/token", 55),
    page("authorize", "GET", "/oauth2/authorize", 38),
    page("introspect", "POST", "/oauth2/introspect", 6),
    page("jwks", "GET", "/.well-known/jwks.json", 3),
];

/// Every service; the shares add up to a hundred.
pub(super) const SERVICES: &[Service] = &[
    Service {
        name: "lms-web",
        shape: Shape::PythonIso,
        hosts: &["web-1", "web-2", "web-3", "web-4"],
        endpoints: WEB,
        share: 42,
    },
    Service {
        name: "lms-api",
        shape: Shape::PythonIso,
        hosts: &["api-1", "api-2", "api-3"],
        endpoints: API,
        share: 31,
    },
    Service {
        name: "celery-worker",
        shape: Shape::Structlog,
        hosts: &["worker-1", "worker-2"],
        endpoints: TASKS,
        share: 11,
    },
    Service {
        name: "payments",
        shape: Shape::PythonAsctime,
        hosts: &["pay-1", "pay-2"],
        endpoints: PAYMENTS,
        share: 8,
    },
    Service {
        name: "notifications",
        shape: Shape::Pino,
        hosts: &["notify-1"],
        endpoints: NOTIFICATIONS,
        share: 4,
    },
    Service {
        name: "auth-gateway",
        shape: Shape::OpenTelemetry,
        hosts: &["gw-1", "gw-2"],
        endpoints: GATEWAY,
        share: 4,
    },
];

/// Position of the background workers in [`SERVICES`]: they continue requests of the others.
pub(super) const WORKERS: usize = 2;

/// Course topics, as part of names of things.
pub(super) const TOPICS: &[&str] = &[
    "Introduction to Statistics",
    "Python for Analysts",
    "Linear Algebra",
    "Français débutant",
    "World History",
    "Organic Chemistry",
    "Negotiation Basics",
    "Databases II",
    "Música y cultura",
];

/// Keys of cached things, up to their number.
pub(super) const CACHE_KEYS: &[&str] =
    &["course:outline:", "course:detail:", "user:enrolments:", "quiz:questions:", "nav:menu:"];

/// Uploaded files, up to their number.
pub(super) const FILES: &[&str] = &["submission-", "essay-", "lecture-slides-", "avatar-"];

/// Currencies of prices.
pub(super) const CURRENCIES: &[&str] = &["EUR", "USD", "GBP"];

/// Background tasks that a request starts.
pub(super) const QUEUED_TASKS: &[&str] = &[
    "lms.notifications.tasks.send_email",
    "lms.progress.tasks.recalculate_progress",
    "lms.certificates.tasks.render_pdf",
];

/// Systems that the application depends on.
pub(super) const UPSTREAMS: &[&str] =
    &["redis-1:6379", "pg-primary:5432", "search:9200", "mail-relay:25", "video-cdn:443"];
