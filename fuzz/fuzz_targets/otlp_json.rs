//! The target `otlp_json` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(target) = neuraltrust_fuzzing::target("otlp_json") {
        (target.run)(input);
    }
});
