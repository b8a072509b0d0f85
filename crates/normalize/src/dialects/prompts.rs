//! Which prompt of a registry a step was made with, under one name whatever its client calls it. What the client said stays.

use neuraltrust_model::Map;
use serde_json::Value;

use crate::content::json_text;

/// Attribute: the name of the prompt in the registry of the client (text).
const NAME: &str = "prompt_name";
/// Attribute: its version, label or commit (text).
const VERSION: &str = "prompt_version";

/// The attributes that say the name: of Langfuse, Traceloop, OpenTelemetry and Helicone.
const NAMES: [&str; 4] = ["langfuse.observation.prompt.name", "traceloop.prompt.key", "gen_ai.prompt.name", "helicone-prompt-id"];
/// ... and the version; of OpenInference too, which has no name.
const VERSIONS: [&str; 4] =
    ["langfuse.observation.prompt.version", "traceloop.prompt.version", "gen_ai.prompt.version", "llm.prompt_template.version"];
/// Where the metadata of LangSmith says them.
const OF_HUB: [&str; 2] = ["lc_hub_repo", "lc_hub_commit_hash"];
/// Where Opik and MLflow list the prompts of a step, of which the first is taken.
const LISTS: [&str; 2] = ["opik_prompts", "mlflow.linkedPrompts"];

/// Says the prompt of a step under the names that it has here, where the client says it.
pub(crate) fn name(attributes: &mut Map, metadata: &Map) {
    let listed = LISTS.iter().find_map(|list| metadata.get(*list).or_else(|| attributes.get(*list)));
    let listed = listed.cloned().map(json_text).and_then(|list| list.get(0).cloned()).unwrap_or_default();
    let version = &listed["version"];
    let of_list = [listed.get("name"), version.get("commit").or(Some(version))];
    for ((name, told), (of_hub, of_list)) in [(NAME, NAMES), (VERSION, VERSIONS)].into_iter().zip(OF_HUB.iter().zip(of_list)) {
        let told = told.iter().find_map(|told| text(attributes.get(*told)?));
        let found = told.or_else(|| text(metadata.get(*of_hub)?)).or_else(|| text(of_list?));
        if let Some(found) = found {
            attributes.entry(name).or_insert(Value::String(found));
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(attributes: Value, metadata: Value, expect: Value) {
        let (Value::Object(mut attributes), Value::Object(metadata)) = (attributes, metadata) else { panic!("two objects") };
        name(&mut attributes, &metadata);
        assert_eq!(json!([attributes.get(NAME), attributes.get(VERSION)]), expect);
    }

    #[test]
    fn each_client_names_a_prompt_in_its_way() {
        let langfuse = json!({"langfuse.observation.prompt.name": "greet", "langfuse.observation.prompt.version": 3});
        check(langfuse, json!({}), json!(["greet", "3"]));
        check(json!({"traceloop.prompt.key": "greet", "traceloop.prompt.version": "2"}), json!({}), json!(["greet", "2"]));
        check(json!({"llm.prompt_template.version": "v3"}), json!({}), json!([null, "v3"]));
        check(json!({}), json!({"lc_hub_repo": "greet", "lc_hub_commit_hash": "a1b2"}), json!(["greet", "a1b2"]));
        let opik = json!({"opik_prompts": [{"name": "greet", "version": {"commit": "a1b2", "template": "Hi"}}]});
        check(json!({}), opik, json!(["greet", "a1b2"]));
        check(json!({"mlflow.linkedPrompts": r#"[{"name": "greet", "version": "1"}]"#}), json!({}), json!(["greet", "1"]));
        check(
            json!({"langfuse.observation.prompt.name": ""}),
            json!({"lc_hub_repo": {}, "opik_prompts": []}),
            json!([null, null]),
        );
    }
}
