#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crawlite_fuzz::encodings::check(data));
