//! Decodes, normalises and redacts lines. Bytes arrive, nothing leaves; the property is
//! `tierlog_ingest::fuzzing::lines`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierlog_ingest::fuzzing::lines(data));
