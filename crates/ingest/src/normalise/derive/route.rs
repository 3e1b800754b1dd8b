//! A path folded to its route: what differs between requests becomes `:id`.
//!
//! ```text
//! /api/v1/quizzes/42/attempts   ->  /api/v1/quizzes/:id/attempts
//! /u/ada@example.org/avatar.png ->  /u/:id/avatar.png
//! ```
//!
//! Folded are numbers, UUIDs, hexadecimal and other long tokens, addresses and dates. Words,
//! versions (`v1`, `1.0`) and placeholders stay.

use tierlog_model::reads_as_id;

/// Longest path that is folded; a longer one names no route.
const PATH_BYTES_MAX: usize = 1_024;

/// Most segments of a route: a deeper path is the name of a file.
const SEGMENTS_MAX: usize = 32;

/// Stands for a part that differs.
const PLACEHOLDER: &str = ":id";

/// Returns the route of a path; `None` when it is no path of a sensible length.
pub(super) fn fold(path: &str) -> Option<String> {
    let inner = path.strip_prefix('/')?;
    if path.len() > PATH_BYTES_MAX || inner.split('/').nth(SEGMENTS_MAX).is_some() {
        return None;
    }
    let mut route = String::with_capacity(path.len());
    for segment in inner.split('/') {
        route.push('/');
        // `;jsessionid=...` belongs to the request, not to its route.
        let segment = segment.split_once(';').map_or(segment, |(segment, _)| segment);
        fold_segment(segment, &mut route);
    }
    Some(route)
}

fn fold_segment(segment: &str, route: &mut String) {
    // Fast path: words have neither digits nor signs.
    let may_differ = segment.bytes().any(|byte| byte.is_ascii_digit() || byte == b'@');
    if !may_differ {
        route.push_str(segment);
    } else if reads_as_id(segment) {
        route.push_str(PLACEHOLDER);
    } else {
        fold_file(segment, route);
    }
}

/// Folds the parts of `42.json` and `main.3f9c2ab1.js`; versions and addresses stay.
fn fold_file(segment: &str, route: &mut String) {
    let is_number = segment.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    for (position, part) in segment.split('.').enumerate() {
        if position > 0 {
            route.push('.');
        }
        let is_part = segment.len() > part.len();
        route.push_str(if is_part && !is_number && reads_as_id(part) { PLACEHOLDER } else { part });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(fold(path).as_deref(), Some(expected), "{path}");
    }

    #[test]
    fn what_differs_between_requests_is_folded() {
        check("/api/v1/quizzes/42/attempts", "/api/v1/quizzes/:id/attempts");
        check("/api/v1/quizzes/42/", "/api/v1/quizzes/:id/");
        check("/u/550e8400-e29b-41d4-a716-446655440000", "/u/:id");
        check("/u/550E8400E29B41D4A716446655440000/x", "/u/:id/x");
        check("/commit/3f9c2ab1", "/commit/:id");
        check("/o/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/o/:id");
        check("/f/V1StGXR8_Z5jdHi6B-myT", "/f/:id");
        check("/pay/pi_3MtwBwLkdIwHu7ix28a3tqPa", "/pay/:id");
        check("/u/ada@example.org/x", "/u/:id/x");
        check("/u/ada%40example.org", "/u/:id");
        check("/orders/ORD-2026-000123", "/orders/:id");
        check("/reports/2026-11-20", "/reports/:id");
        check("/reports/2026/11/20", "/reports/:id/:id/:id");
        check("/p/my-post-123456", "/p/:id");
        check("/a/42.json", "/a/:id.json");
        check("/static/main.3f9c2ab1.js", "/static/main.:id.js");
        check("/x;jsessionid=1A2B530637289A03/y;v=1", "/x/y");
        check("/t/eyJhbGciOiJIUzI1NiJ9", "/t/:id");
    }

    #[test]
    fn words_versions_and_placeholders_stay() {
        for path in [
            "/",
            "/api/v1/courses",
            "/api/v10/me",
            "/api/1.0/users",
            "/courses/:id/lessons/{lesson}/<int:pk>",
            "/sha256sum/utf8/oauth2/s3/i18n",
            "/blog/top-10-tips-2024",
            "/static/app.min.css",
            "/deadbeef/facade/face-2-face",
            "/geo/10.0.0.1",
            "/%E4%BD%A0/x",
            "//double//slash/",
        ] {
            check(path, path);
        }
    }

    #[test]
    fn what_is_no_path_has_no_route() {
        for path in ["", "*", "a/b", &format!("/{}", "a".repeat(PATH_BYTES_MAX)), &"/a".repeat(33)]
        {
            assert_eq!(fold(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn segments_stay_and_a_route_is_its_own_route(path in "(/[a-zA-Z0-9@._-]{0,24}){0,6}") {
            if let Some(route) = fold(&path) {
                prop_assert_eq!(route.split('/').count(), path.split('/').count());
                prop_assert_eq!(fold(&route), Some(route), "{}", path);
            }
        }
    }
}
