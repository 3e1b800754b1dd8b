//! Against DNS rebinding: a web page can make its own name point to 127.0.0.1 and then read a
//! server that listens there. The `Host` of such a request is the page's name, so while only
//! loopback is served, only requests to an address, to `localhost` or to a configured name are
//! answered.

use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::{self, Next};
use axum::response::IntoResponse as _;
use tierlog_problem::{Code, Problem};

use crate::config::Remote;

/// Puts a router under guard, unless other machines are let in anyway.
pub(crate) fn with_host_guard(router: Router, remote: Remote, names: &[String]) -> Router {
    if remote == Remote::Allowed {
        return router;
    }
    let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let is_ours = host_of(&request).is_none_or(|host| is_local(&host, &names));
        async move {
            if is_ours {
                return next.run(request).await;
            }
            let detail = "this server answers only to an IP address or localhost: name this \
                          host in security.hosts if it is meant";
            Problem::new(Code::UnknownHost, detail).into_response()
        }
    }))
}

/// Returns the host of a request without the port. HTTP/1.0 need not name one.
fn host_of(request: &Request) -> Option<String> {
    let header = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    let host = header.or_else(|| request.uri().authority().map(|authority| authority.as_str()))?;
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    Some(host.trim_start_matches('[').trim_end_matches(']').to_lowercase())
}

fn is_local(host: &str, names: &[String]) -> bool {
    host.is_empty()
        || host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok()
        || names.iter().any(|name| name == host)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn status(remote: Remote, host: Option<&str>) -> u16 {
        let router = Router::new().route("/", get(|| async { "log lines" }));
        let router = with_host_guard(router, remote, &["Logs.Example.org".to_owned()]);
        let mut request = Request::builder().uri("/");
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        answer.status().as_u16()
    }

    #[tokio::test]
    async fn only_names_of_this_machine_are_answered() {
        for host in ["127.0.0.1:5172", "127.0.0.1", "localhost:5172", "[::1]:5172", "[::1]"] {
            assert_eq!(status(Remote::Refused, Some(host)).await, 200, "{host}");
        }
        assert_eq!(status(Remote::Refused, None).await, 200);
        assert_eq!(status(Remote::Refused, Some("logs.example.org:80")).await, 200);
        for host in ["evil.example", "evil.example:5172", "127.0.0.1.evil.example", "\u{e9}"] {
            assert_eq!(status(Remote::Refused, Some(host)).await, 421, "{host}");
            assert_eq!(status(Remote::Allowed, Some(host)).await, 200, "{host}");
        }
    }
}
