//! The target `phoenix` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(target) = neuraltrust_fuzzing::target("phoenix") {
        (target.run)(input);
    }
});
