//! Binds a condition to one segment: opens its columns and postings.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::ColumnType;
use tantivy::schema::Field;
use tantivy::{DocId, SegmentReader};
use tierlog_model::{fields, id_hash};
use tierlog_store::{OpenSegment, PartitionFacts, TemplateWords, index_fields, text_paths};

use super::column::{self, Accept, ColumnTest};
use super::field::{Besides, FieldColumns};
use super::long_text::{self, Stamps};
use super::node::{Join, Node};
use super::words::TextField;
use super::{Deadline, pairs};
use crate::error::QueryError;
use crate::expr::{Expr, FieldTest, LevelSet, Literal, TextTest};
use crate::plan::Plan;
use crate::time_range::TimeRange;

/// The segment of a condition, and the facts of its partition.
#[derive(Clone, Copy)]
pub(super) struct Target<'s> {
    reader: &'s SegmentReader,
    /// The open segment of a partition; `None` where only a reader is at hand.
    open: Option<(&'s PartitionFacts, &'s OpenSegment)>,
}

impl<'s> Target<'s> {
    /// A segment of a partition.
    pub(super) fn open(facts: &'s PartitionFacts, segment: &'s OpenSegment) -> Target<'s> {
        Target { reader: segment.reader(), open: Some((facts, segment)) }
    }

    /// A segment of which nothing is known.
    pub(super) fn reader(reader: &'s SegmentReader) -> Target<'s> {
        Target { reader, open: None }
    }

    fn template_words(&self) -> Result<Arc<TemplateWords>, QueryError> {
        Ok(match self.open {
            Some((_, segment)) => segment.template_words()?,
            None => Arc::new(TemplateWords::read(self.reader)?),
        })
    }

    fn besides(&self) -> Result<Besides, QueryError> {
        match self.open {
            Some((_, segment)) => Ok(Besides::from(segment.has_beside()?)),
            None => Besides::of(self.reader),
        }
    }

    fn id_spans(&self, id_hash: u64) -> Option<Vec<Range<DocId>>> {
        let (facts, _) = self.open?;
        facts.id_spans(self.reader.segment_id(), id_hash)
    }
}

/// Returns the node of a plan in one segment.
pub(super) fn bind(
    plan: &Plan,
    target: Target<'_>,
    deadline: &Deadline,
) -> Result<Node, QueryError> {
    let binder = Binder {
        segment: target.reader,
        target,
        text_paths: OnceCell::new(),
        template_words: OnceCell::new(),
        deadline,
    };
    let mut all = Join::all_of();
    // The range first: it is cheap, and when it excludes the segment nothing else is opened.
    all.push(binder.times(&plan.range)?);
    if !all.is_decided() {
        all.push(binder.node(&plan.expr)?);
    }
    Ok(all.finish())
}

struct Binder<'s> {
    segment: &'s SegmentReader,
    target: Target<'s>,
    text_paths: OnceCell<Vec<String>>,
    template_words: OnceCell<Arc<TemplateWords>>,
    deadline: &'s Deadline,
}

impl Binder<'_> {
    /// The depth of an expression is bounded by the parser.
    fn node(&self, expr: &Expr) -> Result<Node, QueryError> {
        self.deadline.check()?;
        match expr {
            Expr::All => Ok(Node::All),
            Expr::Nothing => Ok(Node::Nothing),
            Expr::And(inner) => self.and(inner),
            Expr::Or(inner) => {
                let mut any = Join::any_of();
                for expr in inner {
                    any.push(self.node(expr)?);
                }
                Ok(any.finish())
            }
            Expr::Not(inner) => Ok(self.node(inner)?.negated()),
            Expr::Level(levels) => self.levels(*levels),
            Expr::Timestamp(range) => self.times(range),
            Expr::Exists(name) => self.exists(name),
            Expr::AnyText(test) => {
                let mut any = Join::any_of();
                for path in self.text_paths()? {
                    any.push(self.words(path, test)?);
                }
                Ok(any.finish())
            }
            Expr::Field { name, test } => self.field(name, test),
        }
    }

    /// Stops at the first side without a match: an absent id makes the rest not worth opening.
    fn and(&self, inner: &[Expr]) -> Result<Node, QueryError> {
        let mut all = Join::all_of();
        let (ids, others): (Vec<&Expr>, Vec<&Expr>) = inner.iter().partition(|expr| is_id(expr));
        for expr in ids.into_iter().chain(others) {
            all.push(self.node(expr)?);
            if all.is_decided() {
                break;
            }
        }
        Ok(all.finish())
    }

    /// Opened only when a condition asks for text.
    fn text_paths(&self) -> Result<&[String], QueryError> {
        if self.text_paths.get().is_none() {
            let _ = self.text_paths.set(text_paths(self.segment)?);
        }
        Ok(self.text_paths.get().map(Vec::as_slice).unwrap_or_default())
    }

    fn has_text(&self, name: &str) -> Result<bool, QueryError> {
        Ok(self.text_paths()?.iter().any(|path| path == name))
    }

    fn field(&self, name: &str, test: &FieldTest) -> Result<Node, QueryError> {
        if let FieldTest::AnyOf(literals) = test
            && fields::ID_FIELDS.contains(&name)
        {
            // The hash says where to look, the column verifies it.
            let mut all = Join::all_of();
            all.push(self.columns(name, test)?);
            if !all.is_decided() {
                all.push(self.id_spans(name, literals));
            }
            return Ok(all.finish());
        }
        let columns = self.columns(name, test)?;
        // Words are asked for by name in texts only: any other value is compared whole.
        if !fields::TEXT_FIELDS.contains(&name) || !self.has_text(name)? {
            return Ok(columns);
        }
        let mut any = Join::any_of();
        any.push(columns);
        for test in test.words() {
            any.push(self.words(name, &test)?);
        }
        Ok(any.finish())
    }

    fn columns(&self, name: &str, test: &FieldTest) -> Result<Node, QueryError> {
        let FieldColumns { own, wide, long, pairs } = self.field_columns(name)?;
        let mut any = Join::any_of();
        for handle in own.into_iter().chain(wide) {
            any.push(column::field_node(&handle, test, self.deadline)?);
        }
        if let Some(column) = &long {
            let stamps = Stamps { segment: self.segment, name, column, start: "" };
            any.push(long_text::field_node(stamps, test, self.deadline)?);
        }
        if let Some(column) = &pairs {
            any.push(pairs::field_node(self.segment, column, name, test, self.deadline)?);
        }
        Ok(any.finish())
    }

    fn field_columns(&self, name: &str) -> Result<FieldColumns, QueryError> {
        FieldColumns::of(self.segment, self.target.besides()?, name)
    }

    fn words(&self, path: &str, test: &TextTest) -> Result<Node, QueryError> {
        self.deadline.check()?;
        // Only messages have templates.
        let templates = match path {
            fields::MESSAGE => Some(self.template_words()?),
            _ => None,
        };
        let field = TextField { segment: self.segment, path, templates, deadline: self.deadline };
        field.node(test, || self.built_in_text(index_fields().text_fields, [path]))
    }

    /// Read only when a condition asks for words of a message.
    fn template_words(&self) -> Result<&TemplateWords, QueryError> {
        let words = match self.template_words.get() {
            Some(words) => words,
            None => {
                let words = self.target.template_words()?;
                self.template_words.get_or_init(|| words)
            }
        };
        Ok(words)
    }

    fn id_spans(&self, name: &str, literals: &[Literal]) -> Node {
        let mut any = Join::any_of();
        for literal in literals {
            let hash = id_hash(name, &literal.text);
            any.push(self.target.id_spans(hash).map_or(Node::All, Node::of_spans));
        }
        any.finish()
    }

    fn exists(&self, name: &str) -> Result<Node, QueryError> {
        let mut any = Join::any_of();
        let FieldColumns { own, wide, long: _, pairs } = self.field_columns(name)?;
        for handle in own.into_iter().chain(wide) {
            if let Some(column) = handle.open_u64_lenient()? {
                any.push(ColumnTest::node(column, Accept::Any));
            }
        }
        if let Some(column) = &pairs {
            any.push(pairs::exists_node(column, name)?);
        }
        // Long texts too have their field's name there.
        if self.has_text(name)? {
            any.push(self.built_in_text(index_fields().text_fields, [name])?);
        }
        Ok(any.finish())
    }

    fn levels(&self, levels: LevelSet) -> Result<Node, QueryError> {
        self.built_in_text(index_fields().level, levels.iter().map(|level| level.as_str()))
    }

    fn built_in_text<'v>(
        &self,
        field: Field,
        values: impl IntoIterator<Item = &'v str>,
    ) -> Result<Node, QueryError> {
        let name = self.segment.schema().get_field_name(field);
        let Some(column) = self.segment.fast_fields().str(name)? else { return Ok(Node::Nothing) };
        let mut ranges = Vec::new();
        for value in values {
            if let Some(ordinal) = column.dictionary().term_ord(value)? {
                ranges.push(ordinal..=ordinal);
            }
        }
        Ok(ColumnTest::node(column.ords().clone(), Accept::Ranges(ranges)))
    }

    fn times(&self, range: &TimeRange) -> Result<Node, QueryError> {
        if *range == TimeRange::default() {
            return Ok(Node::All);
        }
        let name = self.segment.schema().get_field_name(index_fields().timestamp);
        let column =
            self.segment.fast_fields().u64_lenient_for_type(Some(&[ColumnType::DateTime]), name)?;
        let Some((column, _)) = column else { return Ok(Node::Nothing) };
        // Dates are stored as nanoseconds; every moment of the model fits.
        let image = |micros: i64| tantivy::i64_to_u64(micros.saturating_mul(1_000));
        let first = range.start.map_or(0, |start| image(start.as_micros()));
        let last = match range.end.map(|end| image(end.as_micros())) {
            None => u64::MAX,
            Some(0) => return Ok(Node::Nothing),
            Some(end) => end - 1,
        };
        Ok(ColumnTest::node(column, Accept::Ranges(vec![first..=last])))
    }
}

fn is_id(expr: &Expr) -> bool {
    match expr {
        Expr::Field { name, test: FieldTest::AnyOf(_) } => {
            fields::ID_FIELDS.contains(&name.as_str())
        }
        Expr::Or(inner) => inner.iter().all(is_id),
        Expr::All
        | Expr::Nothing
        | Expr::And(_)
        | Expr::Not(_)
        | Expr::Level(_)
        | Expr::Timestamp(_)
        | Expr::Exists(_)
        | Expr::AnyText(_)
        | Expr::Field { .. } => false,
    }
}
