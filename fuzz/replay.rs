//! Replays what the fuzzer left in `corpus/`: every input goes through its property. Included by
//! the tests beside the properties; never part of a fuzz target.

/// Gives every input of a target to its property, which panics where it does not hold.
pub(crate) fn replay(target: &str, property: fn(&[u8])) {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
    let inputs = std::path::Path::new(corpus).join(target);
    let mut count = 0;
    for input in std::fs::read_dir(inputs).expect("a corpus").flatten() {
        property(&std::fs::read(input.path()).expect("an input"));
        count += 1;
    }
    assert!(count > 0, "{target} has no corpus");
}
