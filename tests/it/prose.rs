//! House rule on comments: a sentence has a noun of the field as its subject (STYLE.md, rule 22).
//!
//! A sentence leans on pronouns when at least every fifth word is a pronoun or a relative. Short
//! and very long sentences are left out: in these, a single word moves the share too far.

use std::ops::RangeInclusive;

use crate::tidy::rust_sources;

/// Words of a sentence that counts.
const SENTENCE_WORDS: RangeInclusive<usize> = 8..=40;

/// A sentence leans when a word of this many is a pronoun or a relative.
const WORDS_A_PRONOUN: usize = 5;

/// Leaning sentences allowed of a thousand. In fjall, well-kept code of the field, 14 are counted.
const LEANING_PER_MILLE_MAX: usize = 40;

/// Words that carry no meaning of their own.
const PRONOUNS: &str = "it its they them their those that this these what which who whom whose \
    one ones so nobody nothing everybody everything somebody something someone anyone anything \
    such itself themselves he she his her we us our you your";

/// Returns the paragraphs of a file's comments: consecutive lines, an item of a list by itself.
fn paragraphs(text: &str) -> Vec<String> {
    let (mut all, mut current) = (Vec::new(), String::new());
    for line in text.lines() {
        let line = line.trim_start();
        let comment = ["///", "//!", "//"].iter().find_map(|head| line.strip_prefix(head));
        let said = comment.map_or("", str::trim);
        let item = said.starts_with(['#', '-', '*']);
        if said.is_empty() || item || said.starts_with("```") || said.starts_with('|') {
            all.push(std::mem::take(&mut current));
        }
        if !said.starts_with("```") && !said.starts_with('|') {
            current.push_str(said.trim_start_matches(['#', '-', '*', ' ']));
            current.push(' ');
        }
    }
    all.push(current);
    all
}

/// Returns the sentences of a paragraph: a full stop, then a capital letter or a name in code.
fn sentences(paragraph: &str) -> Vec<String> {
    let (mut all, mut current) = (Vec::new(), String::new());
    for word in paragraph.split_whitespace() {
        let begins = word.starts_with(|c: char| c.is_uppercase() || c == '`' || c == '[');
        if begins && current.ends_with(['.', '!', '?']) {
            all.push(std::mem::take(&mut current));
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    all.push(current);
    all
}

/// Tells whether a sentence leans on pronouns, or `None` when its length leaves it out.
fn leans(sentence: &str) -> Option<bool> {
    let words: Vec<String> = sentence
        .split(|c: char| !c.is_alphabetic() && c != '_' && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let pronoun = |word: &&String| PRONOUNS.split(' ').any(|pronoun| pronoun == word.as_str());
    let pronouns = words.iter().filter(pronoun).count();
    SENTENCE_WORDS.contains(&words.len()).then_some(pronouns * WORDS_A_PRONOUN >= words.len())
}

#[test]
fn comments_do_not_lean_on_pronouns() {
    let (mut counted, mut found) = (0, Vec::new());
    for source in rust_sources() {
        let paragraphs = paragraphs(&source.text);
        for sentence in paragraphs.iter().flat_map(|paragraph| sentences(paragraph)) {
            let Some(leaning) = leans(&sentence) else { continue };
            counted += 1;
            if leaning {
                found.push(format!("{}: {sentence}", source.path));
            }
        }
    }
    assert!(counted > 5_000, "only {counted} sentences were read");
    let per_mille = found.len() * 1_000 / counted;
    assert!(
        per_mille < LEANING_PER_MILLE_MAX,
        "{} of {counted} sentences lean on pronouns, {per_mille} of a thousand:\n  {}",
        found.len(),
        found.join("\n  ")
    );
}

#[test]
fn the_count_tells_a_clear_sentence_from_a_leaning_one() {
    let cases = [
        ("It waits, and with it its sender: who sent it was not told that it must keep it.", true),
        ("Of those that went while they were read, what it has is what it lacks.", true),
        ("The backlog of a lane is bounded in bytes, and the lane reads the log again.", false),
        ("A lease returns the bytes of an answer to the budget when the answer has left.", false),
    ];
    for (sentence, leaning) in cases {
        assert_eq!(leans(sentence), Some(leaning), "{sentence}");
    }
    assert_eq!(leans("It is so."), None);
    let text = "/// One thing. Another\n/// goes on.\n///\n/// - an item\nlet x = 1;\n// Last.";
    let read: Vec<String> = paragraphs(text).iter().flat_map(|text| sentences(text)).collect();
    let read: Vec<&str> = read.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    assert_eq!(read, ["One thing.", "Another goes on.", "an item", "Last."]);
}
