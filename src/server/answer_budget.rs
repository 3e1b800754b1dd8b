//! What all answers on their way to clients may hold together.
//!
//! A finished answer arrives; the answer leaves with a lease on the budget until the last byte is
//! written, or as 429. Without this, five hundred clients that ask for the largest answer and take
//! it a byte at a time hold five hundred times as much.

use axum::response::{IntoResponse as _, Response};
use axum::{Router, middleware};
use hyper::body::Body as HttpBody;
use tierlog_model::memory::MemoryPart;
use tierlog_problem::{Code, Problem};

use super::held_body::holding;

/// Answers up to this size are free of charge: every connection may hold one of them. A page of
/// a hundred ordinary hits is a fifth of it.
const FREE_BYTES_MAX: u64 = 256 * 1024;

/// Marks an answer that no budget may refuse.
#[derive(Clone, Copy, Debug)]
struct Uncharged;

/// Lets the answers of routes go whatever others hold: whoever watches a server has to see most
/// when the server is short of memory.
pub(crate) fn uncharged(routes: Router) -> Router {
    routes.layer(middleware::map_response(async |mut answer: Response| {
        answer.extensions_mut().insert(Uncharged);
        answer
    }))
}

/// Lets an answer go with its share. One that is larger than the whole part takes all of it and
/// goes out alone.
pub(super) fn charge(answers: &MemoryPart, answer: Response) -> Response {
    // Streams, and the answers of queries, are counted where they are made.
    let Some(bytes) = HttpBody::size_hint(answer.body()).exact() else { return answer };
    if bytes <= FREE_BYTES_MAX || answer.extensions().get::<Uncharged>().is_some() {
        return answer;
    }
    match answers.try_take(bytes.min(answers.limit_bytes())) {
        Ok(share) => holding(answer, share),
        Err(_) => too_many(),
    }
}

fn too_many() -> Response {
    let detail = "other large answers are on their way; ask for less, or again";
    Problem::new(Code::Busy, detail).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{StatusCode, header};
    use http_body_util::BodyExt as _;
    use tierlog_model::memory::MemoryUse;

    use super::*;

    fn answer(bytes: usize) -> Response {
        Response::new(Body::from(vec![b'x'; bytes]))
    }

    fn part() -> MemoryPart {
        MemoryPart::new(MemoryUse::Answers, 4 << 20)
    }

    #[test]
    fn large_answers_share_a_budget_and_small_ones_are_free() {
        let part = part();
        let mut held: Vec<Response> = (0..4).map(|_| charge(&part, answer(1 << 20))).collect();
        assert!(held.iter().all(|answer| answer.status() == StatusCode::OK));
        let refused = charge(&part, answer(1 << 20));
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(charge(&part, answer(FREE_BYTES_MAX as usize)).status(), StatusCode::OK);
        let mut watched = answer(1 << 20);
        watched.extensions_mut().insert(Uncharged);
        assert_eq!(charge(&part, watched).status(), StatusCode::OK);
        held.pop();
        let next = charge(&part, answer(1 << 20));
        assert_eq!(next.status(), StatusCode::OK);
        assert_eq!(HttpBody::size_hint(next.body()).exact(), Some(1 << 20));
    }

    #[tokio::test]
    async fn a_share_is_held_until_the_last_piece_is_taken() {
        let part = part();
        let mut held = charge(&part, answer(1 << 20)).into_body();
        let mut taken = 0;
        while let Some(frame) = held.frame().await {
            let piece = frame.expect("a piece").into_data().expect("data").len();
            assert!(piece <= 64 << 10, "{piece} bytes at once");
            assert_eq!(part.used_bytes(), 1 << 20);
            taken += piece;
        }
        assert_eq!(taken, 1 << 20);
        drop(held);
        assert_eq!(part.used_bytes(), 0);
    }

    #[test]
    fn one_answer_beyond_the_budget_goes_out_alone() {
        let part = part();
        let huge = charge(&part, answer(8 << 20));
        assert_eq!(huge.status(), StatusCode::OK);
        assert_eq!(charge(&part, answer(1 << 20)).status(), StatusCode::TOO_MANY_REQUESTS);
    }
}
