//! What the models of the demo cost. The prices are round figures that make the demo's sums plausible, not a price list.

/// A language model that the demo's shop uses.
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) provider: &'static str,
    /// US dollars per million tokens of prompt and of answer.
    dollars: (f64, f64),
}

/// The usual model first.
const MODELS: &[Model] = &[
    Model { name: "gpt-4.1-mini", provider: "openai", dollars: (0.4, 1.6) },
    Model { name: "claude-sonnet-4-5", provider: "anthropic", dollars: (3.0, 15.0) },
    Model { name: "gemini-2.5-flash", provider: "gcp.gemini", dollars: (0.3, 2.5) },
];

/// The model of that name; the usual one without a name.
pub(super) fn model(name: Option<&str>) -> &'static Model {
    let usual = &MODELS[0];
    let Some(name) = name else { return usual };
    MODELS.iter().find(|model| model.name == name).expect("the content names models of this table, which the tests check")
}

impl Model {
    /// US dollars of a call; what the provider has in its cache costs a tenth.
    pub(super) fn cost(&self, input: u64, cached: u64, output: u64) -> f64 {
        let fresh = input.saturating_sub(cached) as f64 + cached as f64 / 10.0;
        (fresh * self.dollars.0 + output as f64 * self.dollars.1) / 1e6
    }
}

/// About how many tokens a text has: one for four bytes.
pub(super) const fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}
