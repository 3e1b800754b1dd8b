//! Posts an aggregation. Bytes arrive, nothing leaves; the property is
//! `tierlog_query::fuzzing::aggregate`.

#![no_main]

libfuzzer_sys::fuzz_target!(
    init: tierlog_query::fuzzing::start(),
    |data: &[u8]| tierlog_query::fuzzing::aggregate(data)
);
