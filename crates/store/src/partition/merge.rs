//! Which segments of a hot partition are merged.
//!
//! Arrives: how many records each segment has. Leaves: at most one group to merge. The seal
//! merges everything once more, so merges before it only keep the number of segments in hand,
//! and one merge takes a bounded number of records: its memory does not grow with the day, nor
//! does the time for which it takes a core away from the lines that arrive.

use tantivy::index::{SegmentId, SegmentMeta};

/// Segments below this many records are small: of a quiet partition, or of a rare level. Merging
/// them costs next to nothing.
const SMALL_RECORDS_MAX: u32 = 10_000;

/// Small segments that are merged together: each record is merged so many times as this number
/// fits into the size of a large segment.
const SMALL_SEGMENTS_MAX: usize = 12;

/// Larger segments that a partition has before some are merged. A search looks into each, which
/// costs it some tens of microseconds; a merge costs a third of indexing its records.
const LARGE_SEGMENTS_MAX: usize = 40;

/// Records of one merge: 80 MB of lines, half a second of a core. Merges of twice as many raised
/// the peak of a day of ten million lines from 190 to 290 MB.
const MERGE_RECORDS_MAX: u64 = 200_000;

/// Segments of one merge, at least, once even the fewest hold more records than that.
const MERGE_SEGMENTS_MIN: usize = 4;

/// Returns the segments of a hot partition to merge now; none or several.
pub(crate) fn segments_to_merge(segments: &[SegmentMeta]) -> Vec<SegmentId> {
    let mut sorted: Vec<&SegmentMeta> = segments.iter().collect();
    sorted.sort_by_key(|segment| segment.max_doc());
    let sizes: Vec<u32> = sorted.iter().map(|segment| segment.max_doc()).collect();
    sorted.iter().take(group(&sizes)).map(|segment| segment.id()).collect()
}

/// Returns how many of the smallest segments to merge, of sizes in ascending order.
fn group(sizes: &[u32]) -> usize {
    let small = sizes.partition_point(|records| *records < SMALL_RECORDS_MAX);
    if small >= SMALL_SEGMENTS_MAX {
        return small;
    }
    if sizes.len() - small <= LARGE_SEGMENTS_MAX {
        return 0;
    }
    let mut records = 0;
    let fitting = sizes.iter().take_while(|size| {
        records += u64::from(**size);
        records <= MERGE_RECORDS_MAX
    });
    fitting.count().max(MERGE_SEGMENTS_MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_segments_are_left_alone() {
        assert_eq!(group(&[]), 0);
        assert_eq!(group(&[5; SMALL_SEGMENTS_MAX - 1]), 0);
        assert_eq!(group(&[45_000; LARGE_SEGMENTS_MAX]), 0);
    }

    #[test]
    fn small_segments_are_merged_among_themselves() {
        let mut sizes = vec![100; SMALL_SEGMENTS_MAX];
        sizes.extend([45_000; 3]);
        assert_eq!(group(&sizes), SMALL_SEGMENTS_MAX);
    }

    #[test]
    fn a_merge_takes_a_bounded_number_of_records() {
        assert_eq!(group(&[25_000; LARGE_SEGMENTS_MAX + 1]), 8);
        // Beyond that it goes on, slowly: a day's segments stay few.
        assert_eq!(group(&[200_000; LARGE_SEGMENTS_MAX + 1]), MERGE_SEGMENTS_MIN);
    }

    proptest! {
        #[test]
        fn segments_stay_few_and_records_are_seldom_merged(
            commits in prop::collection::vec(1_u32..60_000, 1..600),
        ) {
            let mut sizes: Vec<u32> = Vec::new();
            let mut merged_records = 0_u64;
            let mut added_records = 0_u64;
            for records in commits {
                added_records += u64::from(records);
                sizes.push(records);
                sizes.sort_unstable();
                loop {
                    let count = group(&sizes);
                    if count == 0 {
                        break;
                    }
                    prop_assert!(count > 1);
                    let merged: u32 = sizes.drain(..count).sum();
                    merged_records += u64::from(merged);
                    sizes.push(merged);
                    sizes.sort_unstable();
                }
                prop_assert!(sizes.len() < LARGE_SEGMENTS_MAX + SMALL_SEGMENTS_MAX);
            }
            prop_assert!(merged_records <= 3 * added_records);
        }
    }
}
