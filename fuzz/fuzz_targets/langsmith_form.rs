//! The target `langsmith_form` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(target) = neuraltrust_fuzzing::target("langsmith_form") {
        (target.run)(input);
    }
});
