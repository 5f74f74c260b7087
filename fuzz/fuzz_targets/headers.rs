#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crawlite_fuzz::headers::check(data));
