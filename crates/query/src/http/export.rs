//! `GET /api/v1/export`: all matches as JSON lines, one page in memory at a time.
//!
//! ```text
//! {"timestamp":"...","level":"info",...}                                  a record a line
//! {"tierlog":{"export":{"cursor":"..."}}}                                 with checkpoints=page
//! {"tierlog":{"export":{"complete":true,"records":2,"cursor":"..."}}}     always the last line
//! ```
//!
//! An answer without its last line was cut off. A client that reads slowly is waited for, up to a
//! deadline for each part; meanwhile no query runs for it, and a page is all that is held for it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::{Serialize, Serializer};
use serde_json::json;
use tierlog_model::memory::MemoryUse;
use tierlog_model::{Tenant, Timestamp};
use tierlog_problem::{Code, Errors, Problem};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_util::task::AbortOnDropHandle;
use utoipa::{IntoParams, ToSchema};

use super::caller::Asking;
use super::parameters::Parameters;
use super::problem::Paging;
use super::request::Scope;
use super::state::QueryState;
use crate::config::QueryConfig;
use crate::cursor::Cursor;
use crate::error::QueryError;
use crate::execute::{Hit, HitSink, Kept, PartialReason};
use crate::export::{Export, ExportBounds, ExportRequest};
use crate::gate::{Allowance, Patience};
use crate::session::Session;
use crate::sort::{Sort, SortText};
use crate::warning::Warnings;

/// Longest wait for a client to take one part of the answer. A client that is alive takes 64 KiB
/// in this time on any line.
const WRITE_DEADLINE: Duration = Duration::from_secs(60);

/// Size at which a part of the answer is handed to the connection.
const PART_BYTES: usize = 64 * 1024;

/// Parts that wait for the connection.
const PARTS_AHEAD: usize = 2;

/// Bytes at which a page ends: the search behind each is paid for by thousands of records.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// Lease of a running export: the page and the parts ahead.
const EXPORT_BYTES: u64 = (PAGE_BYTES_MAX + (PARTS_AHEAD + 2) * 2 * PART_BYTES) as u64;

/// Direction, start and fields of an export.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportParameters {
    /// `timestamp` (oldest first, the default) or `-timestamp`.
    #[param(value_type = Option<String>)]
    sort: Sort,
    /// Goes on where an earlier export stopped: the `cursor` of its last line or checkpoint.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Fields to show beside `timestamp` and `level`, with commas between.
    #[param(value_type = Option<String>)]
    fields: Option<Vec<String>>,
    /// `page` writes a line with a cursor after every few thousand records, `none` (the default)
    /// only at the end.
    #[param(inline, required = false)]
    checkpoints: Checkpoints,
}

/// When a cursor is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum Checkpoints {
    /// At the end only.
    None,
    /// After every page.
    Page,
}

impl ExportParameters {
    fn take(parameters: &mut Parameters) -> Result<ExportParameters, Problem> {
        let sort = parameters.text("sort")?;
        let cursor = parameters.text("cursor")?;
        Ok(ExportParameters {
            sort: SortText::read_time(sort.as_deref().unwrap_or("timestamp"))?,
            cursor: cursor.as_deref().map(Cursor::decode).transpose()?,
            fields: parameters.names("fields")?,
            checkpoints: match parameters.text("checkpoints")?.as_deref() {
                None | Some("none") => Checkpoints::None,
                Some("page") => Checkpoints::Page,
                Some(_) => {
                    let detail = "\"checkpoints\" must be none or page";
                    return Err(Problem::parameter("checkpoints", detail));
                }
            },
        })
    }
}

/// Writes every record that matches as a line of JSON.
///
/// The last line is `{"tierlog":{"export":{...}}}`: whether the export is `complete`, how many
/// `records` were written, the `cursor` to go on from, why records may be missing
/// (`partial_reasons`, and `whole_from` as in a search), and `warnings`. An answer without the last
/// line was cut off.
#[utoipa::path(
    get,
    path = "/api/v1/export",
    tag = "query",
    params(Scope, ExportParameters),
    responses(
        (status = 200, body = String, description = "The answer",
            content_type = "application/x-ndjson"),
        Errors<Paging>,
    )
)]
pub(super) async fn export(
    State(state): State<Arc<QueryState>>,
    Asking(caller): Asking,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let scope = Scope::take(&mut parameters)?;
    let ExportParameters { sort, cursor, fields, checkpoints } =
        ExportParameters::take(&mut parameters)?;
    let _held = parameters.finish()?;
    let permit = state.gate().export_permit()?;
    let room = state.answers().try_take(EXPORT_BYTES).map_err(QueryError::from)?;
    let timeout = scope.timeout();
    let text = scope.into_text();
    let mut trailer =
        Trailer { cursor: cursor.map(|cursor| cursor.encode()), ..Trailer::default() };
    let reader = ExportReader { state, tenant: caller.tenant, timeout };
    let start = move |session: &Session<'_>| {
        let mut query = session.read(&text)?;
        let selection = session.select(&mut query, fields);
        let QueryConfig { hits_max, deadline_max, .. } = *session.config;
        let request = ExportRequest { query, sort, cursor, selection };
        let bounds = ExportBounds { hits_max, deadline_max };
        Export::new(Arc::clone(session.searcher), request, bounds)
    };
    let export = reader.run(Patience::Short, start).await?;
    // The first page is read before the answer begins, so that its errors have a status.
    trailer.warnings = export.warnings().clone();
    let first = reader.page(export).await?;

    let (sender, parts) = mpsc::channel(PARTS_AHEAD);
    let writer = Writer { reader, checkpoints, trailer, sender };
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        let _held = (permit, room);
        writer.write(first).await;
    }));
    let mut response =
        Response::new(Body::from_stream(ExportBody { parts, end: End::Ahead, _task: task }));
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, ndjson);
    Ok(response)
}

/// The last line of an export.
#[derive(Clone, Debug, Default, Serialize)]
struct Trailer {
    complete: bool,
    records: u64,
    cursor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    partial_reasons: Vec<PartialReason>,
    /// With `indexing_late`: from which moment on all records are there.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    whole_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Warnings::is_empty")]
    warnings: Warnings,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
}

impl Trailer {
    /// Notes why records of a page may be missing, and from which moment on none of it is late. A
    /// late page stays late: the client has its records.
    fn note_gaps(&mut self, reasons: &[PartialReason], whole_from: Option<Timestamp>) {
        if reasons.contains(&PartialReason::IndexingLate) {
            self.whole_from = match self.partial_reasons.contains(&PartialReason::IndexingLate) {
                true => self.whole_from.zip(whole_from).map(|(before, now)| before.max(now)),
                false => whole_from,
            };
        }
        for reason in reasons {
            if !self.partial_reasons.contains(reason) {
                self.partial_reasons.push(*reason);
            }
        }
    }
}

fn as_text<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => serializer.collect_str(moment),
        None => serializer.serialize_none(),
    }
}

/// One page as it goes out.
struct Page {
    parts: Vec<Bytes>,
    records: u64,
    cursor: String,
    partial_reasons: Vec<PartialReason>,
    whole_from: Option<Timestamp>,
    warnings: Warnings,
}

/// Reads pages on blocking threads, under the same gate as every query.
struct ExportReader {
    state: Arc<QueryState>,
    tenant: Tenant,
    timeout: Option<Duration>,
}

impl ExportReader {
    async fn page(&self, mut export: Export) -> Result<(Export, Option<Page>), QueryError> {
        let work = move |session: &Session<'_>| {
            let mut lines = Lines::default();
            let page = export.next_page(session.deadline, &mut lines)?.map(|page| Page {
                records: lines.records,
                parts: lines.finish(),
                cursor: page.cursor,
                partial_reasons: page.partial_reasons,
                whole_from: page.whole_from,
                warnings: page.warnings,
            });
            Ok((export, page))
        };
        self.run(Patience::Long, work).await
    }

    async fn run<T, F>(&self, patience: Patience, work: F) -> Result<T, QueryError>
    where
        T: Send + 'static,
        F: FnOnce(&Session<'_>) -> Result<T, QueryError> + Send + 'static,
    {
        let terms = Allowance { memory: MemoryUse::Hits, patience, timeout: self.timeout };
        self.state.run(self.tenant, terms, work).await
    }
}

/// Records as lines, in parts of about [`PART_BYTES`], up to [`PAGE_BYTES_MAX`].
#[derive(Default)]
struct Lines {
    parts: Vec<Bytes>,
    part: Vec<u8>,
    /// Bytes of the parts that are full.
    full_bytes: usize,
    records: u64,
}

impl HitSink for Lines {
    fn take(&mut self, hit: Hit) -> Result<Kept, QueryError> {
        if self.full_bytes + self.part.len() >= PAGE_BYTES_MAX {
            return Ok(Kept::NoRoom);
        }
        // A record always serialises: its keys are texts, and memory takes any number of bytes.
        serde_json::to_writer(&mut self.part, &hit)
            .map_err(|_| QueryError::Internal("a record does not serialise"))?;
        self.part.push(b'\n');
        self.records += 1;
        if self.part.len() >= PART_BYTES {
            let full = std::mem::replace(&mut self.part, Vec::with_capacity(PART_BYTES * 2));
            self.full_bytes += full.len();
            self.parts.push(Bytes::from(full));
        }
        Ok(Kept::Yes)
    }
}

impl Lines {
    fn finish(mut self) -> Vec<Bytes> {
        if !self.part.is_empty() {
            self.parts.push(Bytes::from(self.part));
        }
        self.parts
    }
}

/// Writes pages to the connection, at the pace of the client.
struct Writer {
    reader: ExportReader,
    checkpoints: Checkpoints,
    trailer: Trailer,
    sender: mpsc::Sender<Part>,
}

/// A part of the answer.
enum Part {
    /// Lines.
    Lines(Bytes),
    /// The last line.
    Last(Bytes),
}

/// The client left, or took no part before the deadline.
struct ClientGone;

impl Writer {
    async fn write(mut self, first: (Export, Option<Page>)) {
        // A client that is gone needs no last line.
        let _ = self.write_pages(first).await;
    }

    async fn write_pages(&mut self, first: (Export, Option<Page>)) -> Result<(), ClientGone> {
        let stop = self.reader.state.stop_token();
        let (mut export, mut page) = first;
        loop {
            let Some(written) = page else {
                self.trailer.complete = self.trailer.partial_reasons.is_empty();
                break;
            };
            self.write_page(written).await?;
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => Err(QueryError::Cancelled),
                next = self.reader.page(export) => next,
            };
            match next {
                Ok(next) => (export, page) = next,
                Err(error) => {
                    self.trailer.code = Some(Problem::from(error).code());
                    break;
                }
            }
        }
        let last = line(&json!({"tierlog": {"export": self.trailer}}));
        self.send(Part::Last(last)).await
    }

    async fn write_page(&mut self, page: Page) -> Result<(), ClientGone> {
        for part in page.parts {
            self.send(Part::Lines(part)).await?;
        }
        self.trailer.records += page.records;
        self.trailer.note_gaps(&page.partial_reasons, page.whole_from);
        self.trailer.warnings.add_missing(&page.warnings);
        if self.checkpoints == Checkpoints::Page {
            let checkpoint = line(&json!({"tierlog": {"export": {"cursor": page.cursor}}}));
            self.send(Part::Lines(checkpoint)).await?;
        }
        self.trailer.cursor = Some(page.cursor);
        Ok(())
    }

    async fn send(&self, part: Part) -> Result<(), ClientGone> {
        match tokio::time::timeout(WRITE_DEADLINE, self.sender.send(part)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ClientGone),
        }
    }
}

fn line(document: &serde_json::Value) -> Bytes {
    Bytes::from(format!("{document}\n"))
}

/// The answer's body. The body owns the writing task: a client that leaves ends the task.
struct ExportBody {
    parts: mpsc::Receiver<Part>,
    end: End,
    _task: AbortOnDropHandle<()>,
}

/// Whether the last line went out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Ahead,
    Reached,
}

impl Stream for ExportBody {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, std::io::Error>>> {
        if self.end == End::Reached {
            return Poll::Ready(None);
        }
        self.parts.poll_recv(context).map(|part| match part {
            Some(Part::Lines(lines)) => Some(Ok(lines)),
            Some(Part::Last(line)) => {
                self.end = End::Reached;
                Some(Ok(line))
            }
            // An error cuts the connection: a clean end would look like a whole export.
            None => {
                self.end = End::Reached;
                Some(Err(std::io::Error::other("export ended before its last line")))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_whole_from_where_its_latest_page_is() {
        let late = [PartialReason::IndexingLate];
        let moment = |seconds: i64| Some(Timestamp::from_micros_clamped(seconds * 1_000_000));
        let check = |pages: &[(&[PartialReason], Option<Timestamp>)],
                     expected: serde_json::Value| {
            let mut trailer = Trailer::default();
            for (reasons, whole_from) in pages {
                trailer.note_gaps(reasons, *whole_from);
            }
            let shown = serde_json::to_value(&trailer).expect("a document");
            assert_eq!(shown.get("whole_from").cloned().unwrap_or_default(), expected, "{pages:?}");
        };
        check(&[(&[], None)], json!(null));
        check(&[(&late, moment(86_400)), (&[], None)], json!("1970-01-02T00:00:00.000000Z"));
        check(&[(&late, moment(86_400)), (&late, moment(7))], json!("1970-01-02T00:00:00.000000Z"));
        // Fresh lines were late in one of the pages: no moment is known.
        check(&[(&late, moment(86_400)), (&late, None)], json!(null));
        check(&[(&late, None), (&late, moment(86_400))], json!(null));
    }
}
