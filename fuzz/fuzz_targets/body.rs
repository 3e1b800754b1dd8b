//! Inflates and reads an ingest body. Bytes arrive, nothing leaves; the property is
//! `tierlog_ingest::fuzzing::body`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierlog_ingest::fuzzing::body(data));
