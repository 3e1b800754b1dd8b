//! Plants personal data in any text. Bytes arrive, nothing leaves; the property is
//! `tierlog_ingest::fuzzing::redact`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierlog_ingest::fuzzing::redact(data));
