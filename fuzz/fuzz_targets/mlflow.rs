//! The target `mlflow` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(target) = neuraltrust_fuzzing::target("mlflow") {
        (target.run)(input);
    }
});
