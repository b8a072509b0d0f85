//! Tokens as model APIs and LangChain report them, in the one form of ours.

use neuraltrust_model::{Map, Usage, UsageSource};
use serde_json::Value;

/// Where the parts of the input are told: by LangChain and OpenAI's realtime API, by its chat, by its responses.
const INPUT_DETAILS: [&str; 3] = ["input_token_details", "prompt_tokens_details", "input_tokens_details"];
/// ... and those of the output.
const OUTPUT_DETAILS: [&str; 3] = ["output_token_details", "completion_tokens_details", "output_tokens_details"];

/// What LangChain calls `usage_metadata`, and OpenAI's `usage`, which count cached tokens as part of the input; Anthropic's `usage`
/// does not.
pub(crate) fn usage(value: &Value) -> Option<Usage> {
    let details = |names: [&str; 3]| {
        let told = names.iter().filter_map(|name| value.get(*name)).find(|details| details.is_object());
        told.unwrap_or(&Value::Null)
    };
    let (input, output) = (details(INPUT_DETAILS), details(OUTPUT_DETAILS));
    let cached = input.get("cached_tokens_details").unwrap_or(&Value::Null);
    let written = value.get("cache_creation").unwrap_or(input);
    let written_1h = part(count(written, &["ephemeral_1h_input_tokens"]));
    // Where LangChain tells for how long it is kept, it does not tell the sum.
    let by_time = part(count(written, &["ephemeral_5m_input_tokens"])).into_iter().chain(written_1h).reduce(u64::saturating_add);
    let cache_write = count(input, &["cache_creation"]).or_else(|| count(value, &["cache_creation_input_tokens"]));
    let usage = Usage {
        input: count(value, &["input_tokens", "prompt_tokens", "promptTokens", "inputTokens"]),
        output: count(value, &["output_tokens", "completion_tokens", "completionTokens", "outputTokens"]),
        cache_read: count(input, &["cache_read", "cached_tokens"]).or_else(|| count(value, &["cache_read_input_tokens"])),
        cache_write: cache_write.max(by_time),
        reasoning: count(output, &["reasoning", "reasoning_tokens"]),
        input_audio: part(count(input, &["audio", "audio_tokens"])),
        input_image: part(count(input, &["image", "image_tokens"])),
        cache_read_audio: part(count(cached, &["audio_tokens"])),
        cache_read_image: part(count(cached, &["image_tokens"])),
        cache_write_1h: written_1h,
        output_audio: part(count(output, &["audio", "audio_tokens"])),
        output_image: part(count(output, &["image", "image_tokens"])),
        source: Some(UsageSource::Api),
    };
    (!usage.is_empty()).then_some(usage)
}

/// The first of these counts that is told.
fn count(of: &Value, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| of.get(*name)?.as_u64())
}

/// A part of the tokens. Every API names them all, and most calls have none of some: a part of nothing is not told.
pub(crate) fn part(count: Option<u64>) -> Option<u64> {
    count.filter(|count| *count > 0)
}

/// Tokens as Anthropic's API tells them: what came from the cache or went there is beside the input, not in it.
pub(crate) fn anthropic_usage(value: &Value) -> Option<Usage> {
    let mut usage = usage(value)?;
    let beside = usage.cache_read.unwrap_or(0).saturating_add(usage.cache_write.unwrap_or(0));
    usage.input = usage.input.map(|input| input.saturating_add(beside));
    Some(usage)
}

/// Counts as a model API reports them; `None` where the object is no such report. What Anthropic's API read from the cache
/// or wrote there is beside its input.
pub(crate) fn api_usage(counts: &Map) -> Option<Usage> {
    let has = |name: &str| counts.contains_key(name);
    let value = || Value::Object(counts.clone());
    match (has("prompt_tokens") || has("completion_tokens"), has("input_tokens") || has("output_tokens")) {
        (true, _) => usage(&value()),
        (false, true) => in_or_beside(&value()),
        (false, false) => None,
    }
}

/// Tokens as they are told by one of both: OpenAI counts its cached tokens in details of the input; beside it only Anthropic counts them.
pub(crate) fn in_or_beside(value: &Value) -> Option<Usage> {
    let beside = value.get("cache_read_input_tokens").is_some() || value.get("cache_creation_input_tokens").is_some();
    if beside { anthropic_usage(value) } else { usage(value) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(counts: &Value, expect: &[(&str, u64)]) {
        let usage = api_usage(counts.as_object().unwrap()).unwrap();
        let told = Usage::NAMES
            .into_iter()
            .zip(usage.counts())
            .filter_map(|(name, count)| Some((name.trim_start_matches("usage."), count?)));
        let told: Vec<(&str, u64)> = told.collect();
        assert_eq!(told, expect, "{counts}");
    }

    #[test]
    fn tokens_in_and_beside() {
        let details = json!({ "cached_tokens": 4, "audio_tokens": 0 });
        let chat = json!({ "prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": details });
        check(&chat, &[("input", 10), ("output", 3), ("cache_read", 4)]);
        let responses = json!({ "input_tokens": 10, "input_tokens_details": { "cached_tokens": 4 } });
        check(&responses, &[("input", 10), ("cache_read", 4)]);
        let beside =
            json!({ "input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2 });
        check(&beside, &[("input", 16), ("output", 3), ("cache_read", 4), ("cache_write", 2)]);
        assert_eq!(api_usage(json!({ "input": 1 }).as_object().unwrap()), None);
        assert_eq!(usage(&json!({})), None);
    }

    #[test]
    fn sound_and_pictures_are_told_apart() {
        // OpenAI's chat with sound.
        let chat = json!({
            "prompt_tokens": 100, "completion_tokens": 50, "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 60 },
            "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 40 }
        });
        check(
            &chat,
            &[("input", 100), ("output", 50), ("cache_read", 0), ("reasoning", 0), ("input_audio", 60), ("output_audio", 40)],
        );
        // Its realtime API.
        let realtime = json!({
            "input_tokens": 90, "output_tokens": 9, "output_token_details": { "text_tokens": 4, "audio_tokens": 5 },
            "input_token_details": {
                "text_tokens": 20, "audio_tokens": 40, "image_tokens": 30, "cached_tokens": 35,
                "cached_tokens_details": { "text_tokens": 5, "audio_tokens": 20, "image_tokens": 10 }
            }
        });
        check(
            &realtime,
            &[
                ("input", 90),
                ("output", 9),
                ("cache_read", 35),
                ("input_audio", 40),
                ("input_image", 30),
                ("cache_read_audio", 20),
                ("cache_read_image", 10),
                ("output_audio", 5),
            ],
        );
        // Its images.
        let images = json!({
            "input_tokens": 70, "output_tokens": 4160, "input_tokens_details": { "text_tokens": 10, "image_tokens": 60 },
            "output_tokens_details": { "image_tokens": 4160 }
        });
        check(&images, &[("input", 70), ("output", 4160), ("input_image", 60), ("output_image", 4160)]);
    }

    #[test]
    fn what_is_kept_in_the_cache_for_an_hour_is_a_part_of_what_was_put_there() {
        let anthropic = json!({
            "input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 500,
            "cache_creation": { "ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 300 }
        });
        check(&anthropic, &[("input", 510), ("output", 1), ("cache_read", 0), ("cache_write", 500), ("cache_write_1h", 300)]);
        let langchain = json!({
            "input_tokens": 510, "output_tokens": 1,
            "input_token_details": { "cache_creation": 0, "ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 300 }
        });
        check(&langchain, &[("input", 510), ("output", 1), ("cache_write", 500), ("cache_write_1h", 300)]);
    }
}
