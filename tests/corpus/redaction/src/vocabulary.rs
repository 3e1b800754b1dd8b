//! Words that fill slots: data only. None of them is personal data.

pub(crate) const WORDS: &[&str] = &[
    "cache", "worker", "queue", "request", "shard", "replica", "index", "segment", "batch",
    "retry", "upload", "report", "invoice", "section", "lesson", "course", "payment", "basket",
    "delivery", "index", "mirror", "bucket", "stream", "cursor", "snapshot", "gateway", "tenant",
    "profile", "catalog", "search", "render", "export", "import", "digest", "sync", "audit",
    "quota", "ledger",
];

pub(crate) const VERBS: &[&str] = &[
    "started", "stopped", "failed", "retried", "opened", "closed", "refused", "accepted", "queued",
    "finished", "skipped", "flushed", "loaded", "rotated", "expired", "created", "deleted", "sent",
];

pub(crate) const ACCOUNTS: &[&str] = &[
    "deploy",
    "www-data",
    "postgres",
    "ubuntu",
    "admin",
    "jenkins",
    "nobody",
    "ec2-user",
    "git",
    "backup",
    "oracle",
    "test",
    "guest",
    "hdfs",
    "mysql",
    "gitlab-runner",
    "syslog",
    "ansible",
];

pub(crate) const HOSTS: &[&str] = &[
    "web-01",
    "web-02",
    "db-primary",
    "db-replica-3",
    "ip-10-0-3-17",
    "node7",
    "combo",
    "LabSZ",
    "bastion",
    "kafka-2",
    "mail",
    "edge-fra-1",
    "build-agent-12",
    "cn46",
    "R02-M1-N0",
    "gke-pool-9x",
];

pub(crate) const DOMAINS: &[&str] = &[
    "example.org",
    "example.com",
    "internal.example.net",
    "api.example.io",
    "svc.cluster.local",
    "shop.example.de",
    "static.example.co.uk",
    "eu-west-1.compute.internal",
    "corp.example",
];

pub(crate) const SERVICES: &[&str] = &[
    "auth-gateway",
    "billing",
    "catalog",
    "checkout",
    "notifications",
    "search-api",
    "scheduler",
    "media-worker",
    "ingest",
    "token-service",
    "session-store",
    "key-manager",
    "user-api",
];

pub(crate) const CLASSES: &[&str] = &[
    "TokenService",
    "PasswordResetController",
    "SessionManager",
    "CredentialsProvider",
    "JwtAuthenticationFilter",
    "SecretsManagerClient",
    "CardProcessor",
    "UserRepository",
    "OrderService",
    "AuthTokenFilter",
    "CookieParser",
    "KeyStoreLoader",
    "PaymentGateway",
    "ApiKeyValidator",
    "BlockManager",
    "TaskSetManager",
    "CsrfFilter",
    "OAuth2TokenEndpoint",
    "PinValidator",
    "AccountController",
    "SecurityContextHolder",
    "TokenBucketLimiter",
];

pub(crate) const PACKAGES: &[&str] = &[
    "com.example.auth",
    "org.springframework.security.web",
    "io.example.billing.card",
    "com.example.session",
    "org.apache.hadoop.security.token",
    "net.example.secrets",
    "org.apache.spark.storage",
    "com.example.api.v2",
    "org.hibernate.engine.jdbc.spi",
];

pub(crate) const FUNCTIONS: &[&str] = &[
    "validateToken",
    "resetPassword",
    "loadCredentials",
    "handle",
    "doFilter",
    "refresh_session",
    "get_secret",
    "parseCookie",
    "authenticate",
    "invoke",
    "run",
    "process_payment",
    "decode",
    "rotateKey",
    "checkPin",
    "dispatch",
    "serve_http",
    "next",
    "verifySignature",
];

pub(crate) const FILES: &[&str] = &[
    "credentials",
    "token_service",
    "password",
    "session",
    "auth",
    "secrets",
    "keys",
    "cards",
    "user",
    "views",
    "main",
    "client",
    "handler",
    "cookie_jar",
    "jwt",
    "otp",
    "signing",
];

pub(crate) const TABLES: &[&str] = &[
    "users",
    "orders",
    "sessions",
    "auth_tokens",
    "payments",
    "password_resets",
    "audit_log",
    "django_session",
    "api_keys",
    "lessons",
    "invoices",
    "cards",
];

pub(crate) const AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "curl/8.5.0",
    "kube-probe/1.29",
    "python-requests/2.32.3",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "GoogleHC/1.0",
    "ELB-HealthChecker/2.0",
    "Prometheus/2.53.1",
    "aws-sdk-java/2.26.7 Linux/5.10.219-208.866.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/17.0.11+9-LTS",
];

pub(crate) const PATHS: &[&str] = &[
    "/api/v1/courses",
    "/healthz",
    "/static/js/app.3f9a1c2b.js",
    "/api/v2/password/reset",
    "/oauth/token",
    "/login",
    "/api/v1/tokens/refresh",
    "/favicon.ico",
    "/users/sign_in",
    "/api/v1/keys",
    "/wp-login.php",
    "/.env",
    "/api/session",
    "/assets/index-B7x2kQ9p.css",
    "/api/v1/cards",
    "/metrics",
    "/account/security",
    "/api/auth/callback",
];

pub(crate) const LEVELS: &[&str] = &["INFO", "WARN", "ERROR", "DEBUG", "TRACE", "FATAL"];

pub(crate) const MONTHS: &[&str] =
    &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

pub(crate) const DAYS: &[&str] = &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

pub(crate) const COUNTRIES: &[&str] = &["DE", "FR", "US", "GB", "CH", "IT", "ES", "NL", "PL", "SE"];

pub(crate) const FIRST_NAMES: &[&str] = &[
    "Ada",
    "Grace",
    "Linus",
    "Margaret",
    "Jürgen",
    "Zoë",
    "Nguyễn",
    "Aoife",
    "Søren",
    "Maria",
    "Oluwaseun",
    "Priya",
    "Chloé",
    "Björn",
    "Fatima",
    "Wei",
    "Łukasz",
    "Ingrid",
    "Mateo",
    "Yuki",
];

pub(crate) const LAST_NAMES: &[&str] = &[
    "Lovelace",
    "Hopper",
    "Torvalds",
    "Hamilton",
    "Müller",
    "O'Brien",
    "van den Berg",
    "Nowak",
    "García",
    "Okafor",
    "Sharma",
    "Dubois",
    "Lindqvist",
    "Al-Sayed",
    "Zhang",
    "Wójcik",
    "Tanaka",
    "Silva",
    "Rossi",
    "Keller",
];

pub(crate) const STREETS: &[&str] = &[
    "Main Street",
    "Bahnhofstrasse",
    "Elm Avenue",
    "Rue de la Paix",
    "Via Roma",
    "Kerkstraat",
    "Calle Mayor",
    "Baker Street",
    "Lindenallee",
    "Oak Drive",
];
