//! The target `python_literal` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(target) = neuraltrust_fuzzing::target("python_literal") {
        (target.run)(input);
    }
});
