//! The target `neuraltrust_v1` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(target) = neuraltrust_fuzzing::target("neuraltrust_v1") {
        (target.run)(input);
    }
});
