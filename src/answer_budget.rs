//! What all answers on their way to clients may hold together.
//!
//! A finished answer arrives; it leaves with its share of the budget, which it holds until its
//! last byte is written, or as 429. Without this, five hundred clients that ask for the largest
//! answer and take it a byte at a time hold five hundred times as much.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use hyper::body::Body as HttpBody;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::held_body::holding;
use crate::problem::problem;

/// Answers of the largest size that may be on their way at one time.
const BUDGET_FACTOR: u64 = 4;

/// Answers up to this size are free of charge: every connection may hold one of them. A page of
/// a hundred ordinary hits is a fifth of it.
const FREE_BYTES_MAX: u64 = 256 * 1024;

/// Bytes of answers that may be on their way.
#[derive(Clone, Debug)]
struct AnswerBudget {
    left: Arc<Semaphore>,
    /// The most that one answer is charged: what is larger takes all of it.
    whole: u32,
}

impl AnswerBudget {
    fn new(answer_bytes_max: u64) -> AnswerBudget {
        let whole = answer_bytes_max.saturating_mul(BUDGET_FACTOR);
        let whole = u32::try_from(whole).unwrap_or(u32::MAX);
        AnswerBudget { left: Arc::new(Semaphore::new(whole as usize)), whole }
    }

    /// Takes the share of an answer; `None` when there is not enough left.
    fn share(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let share = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.whole);
        Arc::clone(&self.left).try_acquire_many_owned(share).ok()
    }

    /// Lets an answer go with its share.
    fn charge(&self, answer: Response) -> Response {
        // Streams hold a few parts of 64 KiB, and are counted where they are made.
        let Some(bytes) = HttpBody::size_hint(answer.body()).exact() else { return answer };
        if bytes <= FREE_BYTES_MAX {
            return answer;
        }
        match self.share(bytes) {
            Some(share) => holding(answer, share),
            None => too_many(),
        }
    }
}

/// Puts the answers of a router under one budget, a multiple of the largest.
pub(crate) fn with_answer_budget(router: Router, answer_bytes_max: u64) -> Router {
    let budget = AnswerBudget::new(answer_bytes_max);
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let budget = budget.clone();
        async move { budget.charge(next.run(request).await) }
    }))
}

fn too_many() -> Response {
    let detail = "other large answers are on their way; ask for less, or again";
    let mut answer = problem(StatusCode::TOO_MANY_REQUESTS, "busy", detail);
    // Whoever reads takes an answer in a second.
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn answer(bytes: usize) -> Response {
        Response::new(Body::from(vec![b'x'; bytes]))
    }

    #[test]
    fn large_answers_share_a_budget_and_small_ones_are_free() {
        let budget = AnswerBudget::new(1 << 20);
        let mut held: Vec<Response> =
            (0..BUDGET_FACTOR).map(|_| budget.charge(answer(1 << 20))).collect();
        assert!(held.iter().all(|answer| answer.status() == StatusCode::OK));
        let refused = budget.charge(answer(1 << 20));
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(budget.charge(answer(FREE_BYTES_MAX as usize)).status(), StatusCode::OK);
        held.pop();
        let next = budget.charge(answer(1 << 20));
        assert_eq!(next.status(), StatusCode::OK);
        assert_eq!(HttpBody::size_hint(next.body()).exact(), Some(1 << 20));
    }

    #[test]
    fn one_answer_beyond_the_budget_goes_out_alone() {
        let budget = AnswerBudget::new(1 << 20);
        let huge = budget.charge(answer(8 << 20));
        assert_eq!(huge.status(), StatusCode::OK);
        assert_eq!(budget.charge(answer(1 << 20)).status(), StatusCode::TOO_MANY_REQUESTS);
    }
}
