//! One request of a caller under way: the engine, the tenant, the deadline, and the reading of
//! texts to queries.
//!
//! Arrives: texts and names as a client wrote them. Leaves: values that an engine runs.

use std::sync::Arc;

use tierlog_model::{RecordKind, Tenant, Timestamp, fields};

use crate::aggregate::{Names, Request};
use crate::config::QueryConfig;
use crate::dialect::{KnownFields, Language, QueryText, lucene};
use crate::error::QueryError;
use crate::execute::{Counting, Deadline, Selection};
use crate::expr::{Expr, FieldTest, Literal};
use crate::query::Query;
use crate::searcher::Searcher;
use crate::time_range::TimeRange;
use crate::warning::Warnings;

/// One request under way.
#[derive(Debug)]
pub(crate) struct Session<'s> {
    /// The engine.
    pub(crate) searcher: &'s Arc<dyn Searcher>,
    /// What texts are read with.
    pub(crate) language: &'s Language,
    /// Whose records the caller may see.
    pub(crate) tenant: Tenant,
    /// When the request must stop.
    pub(crate) deadline: &'s Deadline,
    /// Bounds of a query.
    pub(crate) config: &'s QueryConfig,
}

impl Session<'_> {
    /// Reads a query text and the range beside it.
    pub(crate) fn read(&self, text: &QueryText) -> Result<Query, QueryError> {
        let QueryText { q, start, end, kind } = text;
        let now = self.language.clock.now();
        let range = TimeRange::read(start.as_deref(), end.as_deref(), now)?;
        self.read_within(q, range, *kind)
    }

    /// Reads a query text; fields are known that records of the kind and range have.
    pub(crate) fn read_within(
        &self,
        q: &str,
        range: TimeRange,
        kind: RecordKind,
    ) -> Result<Query, QueryError> {
        let fields = self.known_fields(range, kind);
        let lucene::Compiled { expr, warnings } =
            lucene::parse(q, self.language.vocabulary(fields.as_ref()))?;
        Ok(Query { tenant: self.tenant, expr, range, kind, warnings })
    }

    /// Returns the condition that a record has an id, in any of the id's stored forms.
    pub(crate) fn id_condition(&self, field: &str, id: &str) -> Expr {
        let test =
            |forms: Vec<String>| FieldTest::AnyOf(forms.into_iter().map(Literal::id).collect());
        let pseudonyms = &self.language.pseudonyms;
        match pseudonyms.identities().covering(field) {
            Some(identity) => {
                Expr::id_of_identity(field, test(pseudonyms.stored_forms(identity, id)))
            }
            None => Expr::field(field, test(vec![id.trim().to_owned()])),
        }
    }

    /// Returns the selection of fields that an answer to a query shows; the query then says which
    /// of them no record has.
    pub(crate) fn select(
        &self,
        query: &mut Query,
        names: Option<Vec<String>>,
    ) -> Option<Selection> {
        let names = names?;
        let mut warnings = std::mem::take(&mut query.warnings);
        self.note_absent(query, &names, &mut warnings);
        query.warnings = warnings;
        Some(Selection::of(names, &self.language.spellings))
    }

    /// Says of fields that are to be shown or computed when no record of a query has them.
    pub(crate) fn note_absent(&self, query: &Query, names: &[String], warnings: &mut Warnings) {
        let fields = self.known_fields(query.range, query.kind);
        let vocabulary = self.language.vocabulary(fields.as_ref());
        for name in names.iter().filter(|name| !name.ends_with('*')) {
            if vocabulary.is_absent(vocabulary.spellings.canonical(name), name) {
                warnings.add(vocabulary.unknown_field(name, ""));
            }
        }
    }

    /// Returns the field that a name means among the records of a query: the contract's, unless
    /// the records have only the field that is called as it is written.
    pub(crate) fn field_name(&self, fields: &dyn KnownFields, written: &str) -> String {
        let canonical = self.language.spellings.canonical(written);
        let is_own = canonical != written && !fields.has(canonical) && fields.has(written);
        if is_own { written.to_owned() } else { canonical.to_owned() }
    }

    /// Returns the present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.language.clock.now()
    }

    /// Returns the field that hits of a query are to be ordered by; the query then says when no
    /// record has the field.
    pub(crate) fn sort_field(&self, query: &mut Query, name: &str) -> Result<String, QueryError> {
        let known = self.known_fields(query.range, query.kind);
        let field = self.field_name(known.as_ref(), name);
        if fields::TEXT_FIELDS.contains(&field.as_str()) {
            let reason = "holds text, which is indexed by word and has no values to order by";
            let message = format!("field {field:?} {reason}");
            return Err(QueryError::Parameter { name: "sort", message });
        }
        let mut warnings = std::mem::take(&mut query.warnings);
        self.note_absent(query, std::slice::from_ref(&field), &mut warnings);
        query.warnings = warnings;
        Ok(field)
    }

    /// Reads an Elasticsearch-shaped `aggs` object over the records of a query.
    pub(crate) fn aggregations(
        &self,
        query: &Query,
        aggs: serde_json::Value,
    ) -> Result<Request, QueryError> {
        let fields = self.known_fields(query.range, query.kind);
        let name_of = |written: &str| self.field_name(fields.as_ref(), written);
        let condition = |q: &str| self.read_within(q, TimeRange::default(), RecordKind::Log);
        let names = Names {
            pseudonyms: &self.language.pseudonyms,
            now: self.language.clock.now(),
            name_of: &name_of,
            condition: &condition,
        };
        Request::read(aggs, names)
    }

    /// Returns the fields of the tenant's records.
    pub(crate) fn known_fields(
        &self,
        range: TimeRange,
        kind: RecordKind,
    ) -> Box<dyn KnownFields + '_> {
        self.searcher.known_fields(self.tenant, range, kind, self.deadline)
    }

    /// Returns how far the matches of a search with so many hits are counted.
    pub(crate) fn counting(&self, limit: usize) -> Counting {
        match limit {
            0 => Counting::All,
            _ => Counting::UpTo(self.config.track_total_max),
        }
    }
}
