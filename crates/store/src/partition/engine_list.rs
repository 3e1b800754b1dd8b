//! The engine's list of segments as a start reads it, of thousands of sealed partitions in a
//! second.
//!
//! A partition's directory arrives; the segments and the payload of the last commit leave. The
//! engine would parse the same schema again for every partition. Here the text of the schema is
//! compared instead, and a list with anything unexpected is left to the engine.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::value::RawValue;
use tantivy::index::{SegmentId, SegmentMeta};

use super::directory::PartitionDirectory;
use super::view::segment_of;
use crate::checked::Content;
use crate::schema::schema;

/// How the names of files with deletions end.
const DELETES_SUFFIX: &str = ".del";

/// The schema as the engine writes it into every list.
static SCHEMA: LazyLock<String> =
    LazyLock::new(|| serde_json::to_string(&schema()).unwrap_or_default());

/// What a list says.
#[derive(Debug)]
pub(super) struct EngineList {
    /// The segments.
    pub(super) segments: Vec<SegmentMeta>,
    /// What the last commit says of itself.
    pub(super) payload: Option<String>,
}

#[derive(Deserialize)]
struct ListFile<'l> {
    segments: Vec<ListedSegment>,
    #[serde(borrow)]
    schema: &'l RawValue,
    #[serde(borrow)]
    payload: Option<Cow<'l, str>>,
}

/// A segment of the list.
#[derive(Deserialize)]
pub(super) struct ListedSegment {
    segment_id: SegmentId,
    max_doc: u32,
    deletes: Option<ListedDeletes>,
}

#[derive(Deserialize)]
struct ListedDeletes {
    num_deleted_docs: u32,
    opstamp: u64,
}

impl EngineList {
    /// Reads the list of a partition; `None` when only the engine can say what it holds.
    pub(super) fn read(directory: &PartitionDirectory) -> Option<EngineList> {
        let file = directory.read_meta()?;
        let listed: ListFile<'_> = serde_json::from_slice(Content::of(&file).whole()?).ok()?;
        if listed.schema.get() != *SCHEMA {
            return None;
        }
        let segments = listed.segments.iter().map(ListedSegment::meta).collect::<Option<_>>()?;
        Some(EngineList { segments, payload: listed.payload.map(Cow::into_owned) })
    }
}

impl ListedSegment {
    /// Tells whether a file is one of the segment. Deletions have a file for each commit, of which
    /// the last is listed.
    pub(super) fn has_file(&self, name: &str) -> bool {
        let id = self.segment_id.uuid_string();
        let Some(rest) = name.strip_prefix(id.as_str()) else { return false };
        !rest.ends_with(DELETES_SUFFIX)
            || self.deletes.as_ref().is_some_and(|ListedDeletes { opstamp, .. }| {
                rest.trim_start_matches('.').strip_suffix(DELETES_SUFFIX)
                    == Some(opstamp.to_string().as_str())
            })
    }

    /// Returns the segment as the engine knows one; `None` when more documents are deleted than
    /// there are.
    fn meta(&self) -> Option<SegmentMeta> {
        let whole = segment_of(self.segment_id, self.max_doc);
        match &self.deletes {
            None => Some(whole),
            Some(ListedDeletes { num_deleted_docs, opstamp }) => (*num_deleted_docs
                <= self.max_doc)
                .then(|| whole.with_delete_meta(*num_deleted_docs, *opstamp)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::backend::DiskVfs;
    use crate::checked::with_checksum;

    const ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    fn check(json: &str, expected: Option<(u32, Option<u64>)>) {
        let scratch = tempfile::tempdir().expect("temporary directory");
        let path: PathBuf = scratch.path().to_owned();
        std::fs::write(path.join("meta.json"), with_checksum(json.as_bytes())).expect("written");
        let directory = PartitionDirectory::new(Arc::new(DiskVfs), path);
        let read = EngineList::read(&directory);
        let only = read.as_ref().and_then(|list| list.segments.first());
        let told = only.map(|segment| (segment.num_docs(), segment.delete_opstamp()));
        assert_eq!(told, expected, "{json}");
    }

    #[test]
    fn a_list_with_anything_unexpected_is_left_to_the_engine() {
        let list = |segment: &str, schema: &str| {
            format!(
                r#"{{"index_settings":{{}},"segments":[{{"segment_id":"{ID}",{segment}}}],"schema":{schema},"opstamp":3,"payload":"{{}}"}}"#
            )
        };
        let deletes =
            |count| format!(r#""max_doc":9,"deletes":{{"num_deleted_docs":{count},"opstamp":5}}"#);
        check(&list(r#""max_doc":9,"deletes":null"#, &SCHEMA), Some((9, None)));
        check(&list(&deletes(2), &SCHEMA), Some((7, Some(5))));
        check(&list(&deletes(10), &SCHEMA), None);
        check(&list(r#""max_doc":9,"deletes":null"#, "[]"), None);
        check(&list(r#""deletes":null"#, &SCHEMA), None);
    }
}
