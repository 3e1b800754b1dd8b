//! Cuts a stream into lines, as the TCP listener does. Bytes arrive, nothing leaves; the property
//! is `tierlog_ingest::fuzzing::framing`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierlog_ingest::fuzzing::framing(data));
