//! What the application's lines say, as data: message, logger, place in the code and fields.
//!
//! One table a level; the first members of a table are the frequent ones. Nothing here holds
//! personal data: that is planted by [`super::leak`].

use super::fact::Fact;

/// A part of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// Text as it is.
    Text(&'static str),
    /// A fact of the request.
    Of(Fact),
}

use Part::{Of, Text};

/// Where in the code a line is written: logger, file and line number.
pub(super) type Place = (&'static str, &'static str, u32);

/// One kind of line.
#[derive(Debug)]
pub(super) struct Happening {
    /// Logger, file, line number.
    pub(super) place: Place,
    /// The message.
    pub(super) message: &'static [Part],
    /// Fields besides the message.
    pub(super) fields: &'static [(&'static str, Fact)],
}

/// A kind of failure with a traceback.
#[derive(Debug)]
pub(super) struct Failure {
    /// Logger, file, line number.
    pub(super) place: Place,
    /// Class of the exception.
    pub(super) class: &'static str,
    /// Text of the exception.
    pub(super) text: &'static [Part],
    /// Function and statement of the innermost frame.
    pub(super) frame: (&'static str, &'static str),
}

const fn line(
    place: Place,
    message: &'static [Part],
    fields: &'static [(&'static str, Fact)],
) -> Happening {
    Happening { place, message, fields }
}

const DATABASE: Place = ("django.db.backends", "/venv/lib/django/db/backends/utils.py", 151);
const CACHE: Place = ("lms.cache", "/app/lms/cache/backends.py", 88);

/// Lines of level DEBUG.
pub(super) const DEBUG: &[Happening] = &[
    line(
        DATABASE,
        &[
            Text("("),
            Of(Fact::Seconds),
            Text(") SELECT \"courses_course\".\"title\" FROM \"courses_course\" WHERE "),
            Text("\"courses_course\".\"id\" = "),
            Of(Fact::Course),
            Text(" LIMIT 21; args=("),
            Of(Fact::Course),
            Text(",); alias=default"),
        ],
        &[("duration", Fact::Seconds)],
    ),
    line(
        CACHE,
        &[Text("Cache hit for "), Of(Fact::CacheKey)],
        &[("cache_key", Fact::CacheKey), ("cache_ms", Fact::Millis)],
    ),
    line(
        CACHE,
        &[Text("Cache miss for "), Of(Fact::CacheKey), Text(", loading from database")],
        &[("cache_key", Fact::CacheKey), ("cache_ms", Fact::Millis)],
    ),
    line(
        ("lms.permissions", "/app/lms/permissions.py", 61),
        &[Text("Checked enrolment for course "), Of(Fact::Course)],
        &[("course_id", Fact::Course), ("rule_count", Fact::Attempt)],
    ),
    line(
        ("django.template", "/venv/lib/django/template/base.py", 869),
        &[Text("Rendered courses/detail.html in "), Of(Fact::Millis), Text(" ms")],
        &[("render_ms", Fact::Millis)],
    ),
    line(
        ("lms.flags", "/app/lms/flags.py", 34),
        &[Text("Feature flag new_player evaluated, bucket "), Of(Fact::Percent)],
        &[("bucket", Fact::Percent), ("release", Fact::Release)],
    ),
];

/// Lines of level INFO.
pub(super) const INFO: &[Happening] = &[
    line(
        ("lms.progress", "/app/lms/progress/services.py", 112),
        &[Text("Lesson "), Of(Fact::Lesson), Text(" completed in course "), Of(Fact::Course)],
        &[("course_id", Fact::Course), ("lesson_id", Fact::Lesson), ("progress", Fact::Percent)],
    ),
    line(
        ("lms.video", "/app/lms/video/events.py", 47),
        &[Text("Video position saved for lesson "), Of(Fact::Lesson)],
        &[("lesson_id", Fact::Lesson), ("position_s", Fact::Count)],
    ),
    line(
        ("lms.courses", "/app/lms/courses/views.py", 214),
        &[Text("Course page served: "), Of(Fact::Topic)],
        &[("course_id", Fact::Course), ("course_title", Fact::Topic)],
    ),
    line(
        ("lms.quiz", "/app/lms/quiz/services.py", 176),
        &[
            Text("Quiz "),
            Of(Fact::Quiz),
            Text(" submitted with "),
            Of(Fact::Score),
            Text(" points"),
        ],
        &[("quiz_id", Fact::Quiz), ("score", Fact::Score), ("attempt", Fact::Attempt)],
    ),
    line(
        ("lms.accounts", "/app/lms/accounts/views.py", 58),
        &[Text("User logged in")],
        &[("session_count", Fact::Attempt)],
    ),
    line(
        ("lms.tasks", "/app/lms/tasks/dispatch.py", 29),
        &[Text("Queued "), Of(Fact::Task)],
        &[("task", Fact::Task), ("queue_depth", Fact::Count)],
    ),
    line(
        ("lms.enrolment", "/app/lms/enrolment/services.py", 91),
        &[Text("User enrolled in course "), Of(Fact::Course)],
        &[("course_id", Fact::Course), ("course_title", Fact::Topic)],
    ),
    line(
        ("lms.payments", "/app/payments/services.py", 143),
        &[
            Text("Payment captured for "),
            Of(Fact::Order),
            Text(": "),
            Of(Fact::Amount),
            Text(" "),
            Of(Fact::Currency),
        ],
        &[("order_id", Fact::Order), ("amount", Fact::Amount), ("currency", Fact::Currency)],
    ),
    line(
        ("lms.assignments", "/app/lms/assignments/views.py", 77),
        &[Text("Stored "), Of(Fact::File), Text(" ("), Of(Fact::Bytes), Text(" bytes)")],
        &[("file", Fact::File), ("size_bytes", Fact::Bytes)],
    ),
    line(
        ("lms.search", "/app/lms/search/views.py", 40),
        &[Text("Search returned "), Of(Fact::Count), Text(" courses")],
        &[("hit_count", Fact::Count), ("search_ms", Fact::Millis)],
    ),
    line(
        ("lms.certificates", "/app/lms/certificates/render.py", 65),
        &[Text("Certificate rendered for course "), Of(Fact::Course)],
        &[("course_id", Fact::Course), ("size_bytes", Fact::Bytes)],
    ),
    line(
        ("lms.deploy", "/app/lms/deploy.py", 12),
        &[Text("Assets of release "), Of(Fact::Release), Text(" built with lodash@4.17.21")],
        &[("release", Fact::Release)],
    ),
];

/// Lines of level WARNING.
pub(super) const WARNING: &[Happening] = &[
    line(
        DATABASE,
        &[
            Text("Slow query ("),
            Of(Fact::Count),
            Text("00 ms): SELECT COUNT(*) FROM \"progress\" INNER JOIN \"lesson\" ON "),
            Text(
                "(\"progress\".\"lesson_id\" = \"lesson\".\"id\") WHERE \"lesson\".\"course_id\" = ",
            ),
            Of(Fact::Course),
        ],
        &[("course_id", Fact::Course), ("row_count", Fact::Bytes)],
    ),
    line(
        ("lms.accounts", "/app/lms/accounts/backends.py", 73),
        &[Text("Failed login, attempt "), Of(Fact::Attempt)],
        &[("attempt", Fact::Attempt), ("lockout_after", Fact::Percent)],
    ),
    line(
        ("lms.ratelimit", "/app/lms/ratelimit.py", 51),
        &[Text("Rate limit approaching: "), Of(Fact::Percent), Text("% of the hourly budget")],
        &[("budget_percent", Fact::Percent)],
    ),
    line(
        CACHE,
        &[Text("Cache "), Of(Fact::Upstream), Text(" answered late, using the local copy")],
        &[("upstream", Fact::Upstream), ("cache_ms", Fact::Millis)],
    ),
    line(
        ("lms.payments", "/app/payments/services.py", 167),
        &[Text("Payment declined for "), Of(Fact::Order), Text(": insufficient_funds")],
        &[("order_id", Fact::Order), ("amount", Fact::Amount), ("currency", Fact::Currency)],
    ),
    line(
        ("django.security.csrf", "/venv/lib/django/middleware/csrf.py", 261),
        &[Text("Forbidden (CSRF cookie not set.)")],
        &[("attempt", Fact::Attempt)],
    ),
    line(
        ("lms.tasks", "/app/lms/tasks/retry.py", 44),
        &[Text("Retrying "), Of(Fact::Task), Text(", attempt "), Of(Fact::Attempt)],
        &[("task", Fact::Task), ("attempt", Fact::Attempt)],
    ),
    line(
        ("lms.api.deprecation", "/app/lms/api/versioning.py", 19),
        &[Text("Deprecated API version 0.9.5.1 used")],
        &[("release", Fact::Release)],
    ),
];

/// Lines of level ERROR that leave no traceback.
pub(super) const ERROR: &[Happening] = &[
    line(
        ("lms.upstream", "/app/lms/upstream.py", 102),
        &[Text("Upstream "), Of(Fact::Upstream), Text(" answered 502")],
        &[("upstream", Fact::Upstream), ("attempt", Fact::Attempt)],
    ),
    line(
        ("lms.notifications", "/app/lms/notifications/mail.py", 87),
        &[Text("Mail could not be delivered by "), Of(Fact::Upstream)],
        &[("upstream", Fact::Upstream), ("queue_depth", Fact::Count)],
    ),
    line(
        ("lms.payments", "/app/payments/webhooks.py", 38),
        &[Text("Webhook signature mismatch for "), Of(Fact::Order)],
        &[("order_id", Fact::Order)],
    ),
];

/// Lines of level CRITICAL.
pub(super) const CRITICAL: &[Happening] = &[
    line(
        ("lms.db", "/app/lms/db/pool.py", 133),
        &[Text("Database connection pool exhausted: "), Of(Fact::Percent), Text(" of 100 in use")],
        &[("pool_percent", Fact::Percent), ("waiting", Fact::Count)],
    ),
    line(
        CACHE,
        &[Text("Redis unavailable: "), Of(Fact::Upstream), Text(" refused the connection")],
        &[("upstream", Fact::Upstream)],
    ),
    line(
        ("celery.worker", "/venv/lib/celery/worker/request.py", 584),
        &[Text("Worker lost: signal 9 (SIGKILL), task "), Of(Fact::Task)],
        &[("task", Fact::Task)],
    ),
];

/// Failures that leave a traceback.
pub(super) const FAILURES: &[Failure] = &[
    Failure {
        place: ("django.request", "/venv/lib/django/utils/log.py", 241),
        class: "lms.courses.models.Course.DoesNotExist",
        text: &[Text("Course matching query does not exist.")],
        frame: ("get_course", "return Course.objects.get(pk=course_id)"),
    },
    Failure {
        place: ("django.request", "/venv/lib/django/utils/log.py", 241),
        class: "django.db.utils.OperationalError",
        text: &[Text("canceling statement due to statement timeout")],
        frame: ("recalculate", "rows = list(queryset.iterator())"),
    },
    Failure {
        place: ("lms.quiz", "/app/lms/quiz/services.py", 188),
        class: "KeyError",
        text: &[Text("'question_"), Of(Fact::Quiz), Text("'")],
        frame: ("grade", "expected = answers[question.key]"),
    },
    Failure {
        place: ("lms.upstream", "/app/lms/upstream.py", 64),
        class: "requests.exceptions.ConnectTimeout",
        text: &[Text("timed out connecting to "), Of(Fact::Upstream)],
        frame: ("call", "response = session.post(url, json=body, timeout=3)"),
    },
    Failure {
        place: ("lms.payments", "/app/payments/services.py", 171),
        class: "ValueError",
        text: &[Text("currency "), Of(Fact::Currency), Text(" not enabled for "), Of(Fact::Order)],
        frame: ("capture", "raise ValueError(explanation)"),
    },
    Failure {
        place: ("lms.media", "/app/lms/media/transcode.py", 95),
        class: "FileNotFoundError",
        text: &[
            Text("[Errno 2] No such file or directory: '/srv/media/"),
            Of(Fact::File),
            Text("'"),
        ],
        frame: ("transcode", "with open(source, 'rb') as stream:"),
    },
];
