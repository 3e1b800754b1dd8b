//! Words, terms and phrases in many scripts.

use proptest::prelude::*;
use tantivy::tokenizer::{TokenStream, Tokenizer};

use super::*;

fn words(text: &str) -> Vec<String> {
    NormalText::of(text).words().map(str::to_owned).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(words(text), expected, "{text:?}");
}

/// The terms that the index gets.
fn terms(text: &str) -> Vec<String> {
    let mut tokenizer = WordTokenizer::default();
    let mut stream = tokenizer.token_stream(text);
    let mut terms = Vec::new();
    stream.process(&mut |token| terms.push(token.text.clone()));
    terms
}

#[test]
fn words_end_at_signs_and_nowhere_else() {
    check("Payment FAILED: card-declined", &["payment", "failed", "card", "declined"]);
    check("foo_bar fooBar foo.bar foo1bar", &["foo", "bar", "foobar", "foo", "bar", "foo1bar"]);
    check("can't 1,234.56 0xFF a@b.c", &["can", "t", "1", "234", "56", "0xff", "a", "b", "c"]);
    check("", &[]);
    check("-> {} !!! \u{2192}\u{2500}", &[]);
}

#[test]
fn what_is_written_differently_is_one() {
    let same = [
        ("caf\u{e9}", "cafe\u{301}"),
        ("\u{c9}T\u{c9}", "e\u{301}te\u{301}"),
        ("stra\u{df}e", "STRASSE"),
        ("STRA\u{1e9e}E", "strasse"),
        ("\u{39f}\u{394}\u{39f}\u{3a3}", "\u{3bf}\u{3b4}\u{3bf}\u{3c2}"),
        ("\u{130}STANBUL", "istanbul"),
        ("I\u{15e}IK", "\u{131}\u{15f}\u{131}k"),
        ("i\u{307}stanbul", "ISTANBUL"),
        ("\u{fb01}le", "file"),
        ("\u{ff32}\u{ff45}\u{ff44}\u{ff49}\u{ff53}", "redis"),
        ("\u{ff76}\u{ff9e}\u{ff72}\u{ff84}\u{ff9e}", "\u{30ac}\u{30a4}\u{30c9}"),
        ("soft\u{ad}ware", "software"),
        ("ad\u{200d}min\u{200b}", "admin"),
        ("\u{202b}admin\u{202c}", "admin"),
        ("\u{d55c}\u{ae00}", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
        ("\u{2764}\u{fe0f}", "\u{2764}"),
        ("\u{212a}", "k"),
        ("x\u{b2}", "X2"),
    ];
    for (left, right) in same {
        assert_eq!(words(left), words(right), "{left:?} {right:?}");
        assert_eq!(words(left).len(), 1, "{left:?}");
    }
    for (left, right) in [("resume", "r\u{e9}sum\u{e9}"), ("\u{627}", "\u{622}")] {
        assert_ne!(words(left), words(right));
    }
}

#[test]
fn marks_belong_to_words() {
    // Hindi with a virama, Arabic with vowels, Hebrew with points: one word each.
    check(
        "\u{92a}\u{94d}\u{930}\u{92f}\u{93e}\u{938}",
        &["\u{92a}\u{94d}\u{930}\u{92f}\u{93e}\u{938}"],
    );
    check("\u{643}\u{64e}\u{62a}\u{64e}\u{628}", &["\u{643}\u{64e}\u{62a}\u{64e}\u{628}"]);
    check("\u{5e9}\u{5b8}\u{5dc}", &["\u{5e9}\u{5b8}\u{5dc}"]);
    // On nothing, a mark is a sign.
    check(" \u{301} a", &["a"]);
}

#[test]
fn runs_end_where_the_script_does() {
    check("Redis\u{7f13}\u{5b58}7\u{9875}", &["redis", "\u{7f13}\u{5b58}", "7", "\u{9875}"]);
    check(
        "\u{30ed}\u{30fc}\u{30c9}\u{5931}\u{6557}\u{3057}",
        &["\u{30ed}\u{30fc}\u{30c9}\u{5931}\u{6557}\u{3057}"],
    );
    check(
        "\u{e01}\u{e32}\u{e23}\u{e0a}\u{e33}\u{e23}\u{e30}",
        &["\u{e01}\u{e32}\u{e23}\u{e0a}\u{e4d}\u{e32}\u{e23}\u{e30}"],
    );
    check("\u{6570}\u{ff0c}\u{636e}", &["\u{6570}", "\u{636e}"]);
    for script in [
        "\u{7f13}", "\u{3042}", "\u{30ab}", "\u{d55c}", "\u{e01}", "\u{e81}", "\u{1780}",
        "\u{1000}", "\u{a000}",
    ] {
        assert!(is_run(script), "{script}");
    }
    assert!(!is_run("\u{928}") && !is_run("a") && !is_run("\u{43b}") && !is_run("\u{1f680}"));
}

#[test]
fn emoji_are_words() {
    check("ok\u{1f680}\u{1f389}", &["ok", "\u{1f680}", "\u{1f389}"]);
    let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
    check(family, &["\u{1f468}", "\u{1f469}", "\u{1f467}"]);
    check("\u{1f44d}\u{1f3fd}", &["\u{1f44d}", "\u{1f3fd}"]);
    check("\u{1f1e9}\u{1f1ea}\u{1f1eb}\u{1f1f7}", &["\u{1f1e9}\u{1f1ea}", "\u{1f1eb}\u{1f1f7}"]);
    let scotland = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
    check(scotland, &[scotland]);
    // Letters that are not seen hide in no other word.
    check("a\u{e0067}b", &["ab"]);
    check("1\u{fe0f}\u{20e3}", &["1\u{20e3}"]);
    check("\u{a9} 2026", &["2026"]);
}

#[test]
fn terms_are_words_beginnings_and_parts() {
    assert_eq!(terms("Payment FAILED x"), ["payment", "failed", "x"]);
    assert_eq!(
        terms("\u{7f13}\u{5b58}\u{5931} a"),
        ["\u{7f13}\u{5b58}", "\u{5b58}\u{5931}", "\u{5931}", "a"]
    );
    let at_most = "x".repeat(99);
    assert_eq!(terms(&at_most), [at_most.as_str()]);
    let [term] = &terms(&"X".repeat(100))[..] else { unreachable!("one term") };
    assert_eq!(Term::read(term), Term::Long(&"x".repeat(32)));
    assert_ne!(terms(&"x".repeat(100)), terms(&"x".repeat(101)));
    assert_eq!(terms(&"x".repeat(100)), terms(&"X".repeat(100)));
    // A character that lies across the boundary is left out.
    let [term] = &terms(&"\u{43b}\u{43b}\u{e9}".repeat(40).replacen('\u{43b}', "a", 1))[..] else {
        unreachable!("one term")
    };
    assert!(matches!(Term::read(term), Term::Long(kept) if kept.len() == 31));
}

fn finds(query: &str, text: &str) -> bool {
    let phrase = Phrase::of(query, Ending::Whole).expect("words");
    phrase.stands_in(&NormalText::of(text))
}

#[test]
fn parts_of_runs_touch_their_neighbours_in_a_phrase() {
    let text = "Redis\u{7f13}\u{5b58}\u{5931}\u{8d25} \u{91cd}\u{8bd5}3\u{6b21}";
    for found in [
        "\u{5b58}\u{5931}",
        "\u{5b58}",
        "redis\u{7f13}",
        "redis \u{7f13}\u{5b58}\u{5931}\u{8d25}",
        "\u{5931}\u{8d25} \u{91cd}",
        "\u{8bd5}3\u{6b21}",
        "\u{8d25} \u{91cd}\u{8bd5} 3",
    ] {
        assert!(finds(found, text), "{found}");
    }
    for absent in [
        "\u{7f13}\u{5931}",
        "redis\u{5b58}",
        "\u{5b58} \u{91cd}",
        "\u{8d25}\u{91cd}",
        "\u{8d25} \u{8bd5} 3",
        "\u{8bd5}3\u{6b21}\u{6570}",
    ] {
        assert!(!finds(absent, text), "{absent}");
    }
    assert!(!finds("\u{636e}\u{5e93}", "\u{6570}\u{636e}\u{ff0c}\u{5e93}"));
}

/// Pieces of many scripts, signs and what is not seen.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9_.-]{1,6}",
        "[\u{e0}-\u{ff}\u{131}\u{130}\u{df}\u{1e9e}\u{fb00}-\u{fb06}]{1,4}",
        "[a-eI\u{300}-\u{308}\u{323}]{1,5}",
        "[\u{391}-\u{3c9}\u{345}]{1,4}",
        "[\u{4e00}-\u{4e08}\u{3042}-\u{304c}\u{30a2}-\u{30ac}\u{ff66}-\u{ff9f}\u{3099}]{1,5}",
        "[\u{ac00}-\u{ac08}\u{1100}-\u{1112}\u{1161}-\u{1175}\u{11a8}-\u{11c2}]{1,5}",
        "[\u{e01}-\u{e3a}\u{e40}-\u{e4e}]{1,5}",
        "[\u{900}-\u{94d}\u{620}-\u{652}\u{5b0}-\u{5ea}]{1,5}",
        "[\u{1f1e6}-\u{1f1ea}\u{1f44d}\u{1f3fb}-\u{1f3ff}\u{200d}\u{fe0f}\u{1f3f4}\u{e0067}]{1,4}",
        "[ =<>\u{338}\u{ad}\u{200b}\u{202e}\u{2026}\u{bd}]{1,3}",
        "\\PC{0,3}",
        "x{95,105}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_normal_form_is_its_own(text in text()) {
        let once = normal_form(&text).into_owned();
        prop_assert_eq!(normal_form(&once).into_owned(), once);
    }

    #[test]
    fn words_are_those_of_the_parts(left in text(), right in text()) {
        // As templates join a value to what is around it: at a sign of ASCII.
        let mut parts = words(&left);
        parts.extend(words(&right));
        prop_assert_eq!(words(&format!("{left}/{right}")), parts);
    }

    #[test]
    fn the_index_has_the_terms_of_the_words(text in text()) {
        let mut expected = Vec::new();
        for word in words(&text) {
            for_each_term(&word, |term| expected.push(term.to_owned()));
        }
        prop_assert_eq!(terms(&text), expected);
    }

    #[test]
    fn ascii_is_split_as_it_always_was(text in "[ -~\n\t]{0,60}") {
        let lower = text.to_ascii_lowercase();
        let plain = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        prop_assert_eq!(terms(&text), plain.map(str::to_owned).collect::<Vec<_>>());
    }

    #[test]
    fn any_part_of_a_run_is_found(
        text in text(), run in "[\u{4e00}-\u{4e08}\u{3042}-\u{304c}\u{ff66}-\u{ff9f}]{1,3}",
    ) {
        let plain = normal_form(&text).contains(&*normal_form(&run));
        prop_assert_eq!(finds(&run, &text), plain);
    }

    /// Every text has what it needs to have for each part of it, and parts that terms know alone
    /// are there.
    #[test]
    fn phrases_are_found_by_what_they_need(
        text in text(), other in text(), cut in 0_usize..40, length in 1_usize..12, is_open: bool,
    ) {
        let from: String = text.chars().skip(cut % (text.chars().count() + 1)).take(length).collect();
        let ending = if is_open { Ending::Open } else { Ending::Whole };
        let Some(phrase) = Phrase::of(&from, ending) else { return Ok(()) };
        for text in [&text, &other] {
            let terms = terms(text);
            let has = |need: &Need| match need {
                Need::Term(term) => terms.contains(term),
                Need::Start(start) => terms.iter().any(|term| match Term::read(term) {
                    Term::Word(word) | Term::Gram(word) => word.starts_with(start.as_str()),
                    Term::Long(kept) => kept.starts_with(start.as_str()) || start.starts_with(kept),
                }),
            };
            let has_needs = phrase.needs().iter().all(has);
            let is_there = phrase.stands_in(&NormalText::of(text));
            prop_assert!(has_needs || !is_there, "{:?} in {:?}", phrase, text);
            if phrase.is_known_by_terms() {
                prop_assert_eq!(has_needs, is_there, "{:?} in {:?}", phrase, text);
            }
        }
    }
}
