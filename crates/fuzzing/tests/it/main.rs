//! The short run of the fuzzer's targets: the recordings, mutations of them, and inputs made to hurt.

use neuraltrust_fuzzing::{Mutations, TARGETS, seeds, target};
use neuraltrust_testing::workspace;

/// Most inputs of a target.
const RUNS: usize = 2_000;
/// Most bytes of the inputs of a target together, which is what bounds the time.
const BYTES: usize = 2 << 20;
/// Longer recordings leave no room for others.
const LONGEST_SEED: usize = 64 << 10;

#[test]
fn no_mutation_of_a_recording_panics() {
    for target in TARGETS {
        let mut inputs = seeds(target);
        inputs.iter().for_each(|input| (target.run)(input));
        inputs.retain(|input| input.len() <= LONGEST_SEED);
        inputs.push(b"{\"a\": [1, \"\\u00e9\", {\"b\": null}]}".to_vec());
        let mut room = BYTES;
        for input in Mutations::new(&inputs, 0x6e74).take(RUNS) {
            let Some(left) = room.checked_sub(input.len()) else { break };
            room = left;
            (target.run)(&input);
        }
    }
}

/// Deeper than any thread's stack would bear, if a decoder went down with it.
#[test]
fn nesting_ends_no_decoder() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("(", ")"), ("{'a': ", "}"), ("{\"batch\":[", "]}")] {
        let nested = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        TARGETS.iter().for_each(|target| (target.run)(nested.as_bytes()));
    }
    // Field 1 in field 1 and so on, each a message of protobuf.
    let mut nested = Vec::new();
    for _ in 0..200 {
        let mut outer = vec![0x0a];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.append(&mut nested);
        nested = outer;
    }
    (target("otlp_protobuf").unwrap().run)(&nested);
    (target("logs_protobuf").unwrap().run)(&nested);
}

#[test]
fn every_target_has_its_file_for_the_fuzzer() {
    let folder = workspace().join("fuzz/fuzz_targets");
    let mut files: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let mut names: Vec<String> = TARGETS.iter().map(|target| format!("{}.rs", target.name)).collect();
    names.sort();
    assert_eq!(files, names);
}

/// A large resource in front of many empty spans: each span would hold a copy of it.
#[test]
fn a_resource_is_not_copied_without_bound() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

    let value = Some(AnyValue { value: Some(Value::StringValue("x".repeat(8 << 20))) });
    let resource =
        Resource { attributes: vec![KeyValue { key: "a".to_owned(), value, ..KeyValue::default() }], ..Resource::default() };
    let span =
        |n: u16| Span { trace_id: vec![7; 16], span_id: [[1; 6].as_slice(), &n.to_be_bytes()].concat(), ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: (0..1_000).map(span).collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
    let normalized = neuraltrust_normalize::otlp::normalize(ExportTraceServiceRequest { resource_spans });
    assert_eq!((normalized.patches.len(), normalized.rejected.len()), (7, 993));
    assert_eq!(normalized.rejected[0].at, "spans[7].resource");
}
