//! Reads GELF messages, as a body and over a connection. Bytes arrive, nothing leaves; the property
//! is `tierlog_ingest::fuzzing::gelf`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierlog_ingest::fuzzing::gelf(data));
