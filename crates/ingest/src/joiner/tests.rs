//! Groups leave as texts: whole, in order, bounded, each line once.

use proptest::prelude::*;

use super::*;
use crate::frame::content;

/// Feeds lines, perhaps cutting what is held behind some, and returns every text that leaves with
/// its first line and its lines.
fn texts_of(joiner: &mut Joiner, lines: &[String], cuts: &[usize]) -> Vec<(u64, u32, String)> {
    let mut texts = Vec::new();
    let mut leave = |joiner: &mut Joiner| {
        let ready = joiner.ready();
        texts.extend(ready.into_iter().map(|joined| {
            let text = String::from_utf8_lossy(&joined.bytes).into_owned();
            (joined.line, joined.line_count, text)
        }));
    };
    let mut whole = Vec::new();
    for (number, line) in (1_u64..).zip(lines) {
        let text = content(line.as_bytes());
        if text.is_empty() {
            joiner.blank();
        } else if joiner.take(text, number) == Next::WaitingThenLine {
            leave(joiner);
            whole.push((number, 1, String::from_utf8_lossy(text).into_owned()));
        }
        if cuts.contains(&(number as usize)) {
            joiner.cut();
        }
        leave(joiner);
        assert_left_a_beginning(joiner, lines, number);
    }
    joiner.close();
    leave(joiner);
    texts.extend(whole);
    texts.sort_by_key(|(line, ..)| *line);
    texts
}

/// What has left may be acknowledged: every line before the oldest that waits, and no other.
fn assert_left_a_beginning(joiner: &Joiner, lines: &[String], number: u64) {
    let Some(oldest) = joiner.waiting.first() else { return };
    let waiting: u32 = joiner.waiting.iter().map(|joined| joined.line_count).sum();
    let behind = lines.iter().take(number as usize).skip(oldest.line as usize - 1);
    assert_eq!(waiting as usize, behind.filter(|line| !line.is_empty()).count());
}

#[track_caller]
fn check(lines: &[&str], cuts: &[usize], expected: &[(u64, u32, &str)]) {
    let mut joiner = Joiner::new(OtherText::Rejected, 1_000);
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let texts = texts_of(&mut joiner, &lines, cuts);
    let texts: Vec<(u64, u32, &str)> =
        texts.iter().map(|(line, count, text)| (*line, *count, text.as_str())).collect();
    assert_eq!(texts, expected);
}

#[test]
fn a_group_is_one_text() {
    check(
        &["{}", "ERROR: a", "  b", "", "  c", "ERROR: d", "{}"],
        &[],
        &[(1, 1, "{}"), (2, 3, "ERROR: a\n  b\n\n  c"), (6, 1, "ERROR: d"), (7, 1, "{}")],
    );
}

#[test]
fn a_group_that_was_cut_begins_again_with_its_first_line() {
    check(
        &["ERROR: a", "  b", "  c", "  d"],
        &[1, 3],
        &[(1, 1, "ERROR: a"), (2, 2, "ERROR: a\n  b\n  c"), (4, 1, "ERROR: a\n  d")],
    );
}

#[test]
fn wrapped_texts_are_joined_in_the_wrapper_of_the_first() {
    check(
        &[
            r#"{"log":"ERROR: a\n","stream":"stderr","time":"1"}"#,
            r#"{"log":"INFO: x\n","stream":"stdout","time":"2"}"#,
            r#"{"log":"  \"b\"\n","stream":"stderr","time":"3"}"#,
        ],
        &[],
        &[
            (1, 2, r#"{"log":"ERROR: a\n  \"b\"\n","stream":"stderr","time":"1"}"#),
            (2, 1, r#"{"log":"INFO: x\n","stream":"stdout","time":"2"}"#),
        ],
    );
    check(
        &[
            r#"{"log":"ERROR: a","stream":"stderr","time":"1"}"#,
            r#"{"log":"  b","stream":"stderr","time":"3"}"#,
            r#"{"log":"  c","stream":"stderr","time":"4"}"#,
        ],
        &[2],
        &[
            (1, 2, r#"{"log":"ERROR: a\n  b","stream":"stderr","time":"1"}"#),
            (3, 1, r#"{"log":"ERROR: a\n  c","stream":"stderr","time":"1"}"#),
        ],
    );
    check(
        &[
            "2026-08-21T14:05:09.1Z stdout P ERROR: a",
            "2026-08-21T14:05:09.1Z stdout P b",
            "2026-08-21T14:05:09.2Z stdout F c",
            "2026-08-21T14:05:09.3Z stdout F   d",
        ],
        &[],
        &[(1, 4, "2026-08-21T14:05:09.1Z stdout F ERROR: abc\n  d")],
    );
}

#[test]
fn a_group_is_bounded_in_lines_and_bytes() {
    let mut joiner = Joiner::new(OtherText::Rejected, 100);
    let mut lines = vec!["ERROR: a".to_owned()];
    lines.extend((0..20).map(|number| format!("  line {number:02}")));
    let texts = texts_of(&mut joiner, &lines, &[]);
    assert!(texts.len() > 1 && texts.iter().all(|(.., text)| text.len() <= 100), "{texts:?}");
    assert!(texts.iter().all(|(.., text)| text.starts_with("ERROR: a\n")), "{texts:?}");
    assert_eq!(texts.iter().map(|(_, count, _)| *count).sum::<u32>(), 21);

    let mut joiner = Joiner::new(OtherText::Rejected, 1 << 20);
    lines.extend((0..GROUP_LINES_MAX).map(|_| "  b".to_owned()));
    let texts = texts_of(&mut joiner, &lines, &[]);
    let counts: Vec<u32> = texts.iter().map(|(_, count, _)| *count).collect();
    assert_eq!(counts, [GROUP_LINES_MAX, 21]);
}

#[test]
fn lines_are_parted_where_they_are_known() {
    let mut joiner = Joiner::new(OtherText::Rejected, 1_000);
    joiner.part_after(3);
    let lines = ["{}", "ERROR: a", "  b", "  c", "ERROR: d"].map(str::to_owned);
    let texts = texts_of(&mut joiner, &lines, &[]);
    let firsts: Vec<(u64, u32)> = texts.iter().map(|(line, count, _)| (*line, *count)).collect();
    assert_eq!(firsts, [(1, 1), (2, 2), (4, 1), (5, 1)]);
}

fn line() -> impl Strategy<Value = String> {
    let wrapped = |stream: &'static str| {
        line_of_text().prop_map(move |text| {
            let text = serde_json::to_string(&format!("{text}\n")).expect("text");
            format!("{{\"log\":{text},\"stream\":\"{stream}\",\"time\":\"1\"}}")
        })
    };
    prop_oneof![
        4 => line_of_text(),
        2 => wrapped("stdout"),
        2 => wrapped("stderr"),
        2 => Just("{\"a\":1}".to_owned()),
        1 => Just(String::new()),
    ]
}

fn line_of_text() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "ERROR: refused",
        "INFO: placed",
        "  indented",
        "Traceback (most recent call last):",
        "  File \"/a.py\", line 3, in f",
        "ValueError: x",
        "During handling of the above exception, another exception occurred:",
        "no format",
        "\tat A.main(A.java:3)",
        "Caused by: java.io.IOException: y",
        "panic: x",
        "goroutine 1 [running]:",
    ])
    .prop_map(str::to_owned)
}

/// Joins lines that are all there: for each line the group that it goes on with is looked up.
fn plainly(lines: &[String]) -> Vec<Vec<u64>> {
    let mut joining = Joining::new(OtherText::Rejected);
    let mut groups: Vec<Vec<u64>> = Vec::new();
    let mut of_place = [0; STREAMS_MAX];
    for (number, line) in (1..).zip(lines) {
        let text = content(line.as_bytes());
        if text.is_empty() {
            continue;
        }
        match joining.step(text) {
            Step::Continues(place, _) => groups[of_place[place]].push(number),
            Step::Opens(place) => {
                of_place[place] = groups.len();
                groups.push(vec![number]);
            }
            Step::Apart => groups.push(vec![number]),
        }
    }
    groups
}

proptest! {
    #[test]
    fn texts_are_the_groups_of_a_plain_reading(lines in prop::collection::vec(line(), 0..40)) {
        let mut joiner = Joiner::new(OtherText::Rejected, 1 << 20);
        let texts = texts_of(&mut joiner, &lines, &[]);
        let expected: Vec<(u64, u32)> =
            plainly(&lines).iter().map(|group| (group[0], group.len() as u32)).collect();
        let found: Vec<(u64, u32)> = texts.iter().map(|(line, count, _)| (*line, *count)).collect();
        prop_assert_eq!(found, expected);
        prop_assert!(joiner.oldest().is_none() && joiner.byte_len() == 0);
    }

    /// Wherever held lines are let go, and however small the bounds, each line leaves once.
    #[test]
    fn every_line_leaves_once(
        lines in prop::collection::vec(line(), 0..40),
        cuts in prop::collection::vec(0_usize..40, 0..6),
        bytes_max in 60_usize..400,
    ) {
        let mut joiner = Joiner::new(OtherText::Rejected, bytes_max);
        let texts = texts_of(&mut joiner, &lines, &cuts);
        let count: u32 = texts.iter().map(|(_, count, _)| *count).sum();
        let filled = lines.iter().filter(|line| !line.is_empty()).count();
        prop_assert_eq!(count as usize, filled);
        for (.., text) in &texts {
            prop_assert!(text.len() <= bytes_max.max(120), "{}", text.len());
        }
    }
}
