//! Compiles a query text. Bytes arrive, nothing leaves; the property is
//! `tierlog_query::fuzzing::query`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierlog_query::fuzzing::query(data));
