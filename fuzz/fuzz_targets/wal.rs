//! Opens a log of any bytes. Bytes arrive, nothing leaves; the property is
//! `tierlog_store::wal::fuzzing::wal`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierlog_store::wal::fuzzing::wal(data));
