//! What tokens cost: the table that comes with the program, and a project's own prices, which win.
//!
//! Pure. A cost is worked out when a trace is read and is never a part of the record, so that other prices hold for all of
//! history at once. A cost that a client told always wins over one that is worked out.

mod table;

use neuraltrust_model::{Span, Timestamp, Usage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use table::{PriceTable, price_table};

/// Most own prices of a project.
pub const MAX_PRICES: usize = 1_000;
/// Tokens that a price is of.
const PER: f64 = 1e6;

/// What a million tokens of a model cost in US dollars, from a moment on, until a later price of the same model holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "model": "my-model*", "input": 1.5, "output": 6.0, "cache_read": 0.15 }))]
pub struct Price {
    /// The name of the model in any case; with a `*` at its begin or its end, any name that ends or begins like that.
    pub model: String,
    /// Only where this provider serves the model, by the name that the client gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Only for calls from this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Only for calls with more tokens in than this.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub above: u64,
    /// Tokens in that are neither read from the provider's cache nor written to it, nor sound or pictures with a price of their own.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub input: Option<f64>,
    /// Tokens out that are no reasoning, nor sound or pictures with a price of their own.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub output: Option<f64>,
    /// Tokens read from the provider's cache; without it they cost what others in cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub cache_read: Option<f64>,
    /// Tokens written to the provider's cache; without it they cost what others in cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub cache_write: Option<f64>,
    /// Tokens of reasoning; without it they cost what others out cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub reasoning: Option<f64>,
    /// Tokens of sound in; without it they cost what others in cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub input_audio: Option<f64>,
    /// Tokens of pictures in; without it they cost what others in cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub input_image: Option<f64>,
    /// Tokens of sound read from the provider's cache; without it they cost what others read from there cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub cache_read_audio: Option<f64>,
    /// Tokens of pictures read from the provider's cache; without it they cost what others read from there cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub cache_read_image: Option<f64>,
    /// Tokens written to the provider's cache for an hour; without it they cost what others written there cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub cache_write_1h: Option<f64>,
    /// Tokens of sound out; without it they cost what others out cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub output_audio: Option<f64>,
    /// Tokens of pictures out; without it they cost what others out cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub output_image: Option<f64>,
}

/// Where the cost of a span is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostSource {
    /// The client told it.
    Client,
    /// The project's own prices.
    OwnPrice,
    /// The table that comes with the program.
    PriceTable,
}

/// Why no cost was worked out for a span that tells of none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoCost {
    /// Its tokens do not count, so that their cost would count twice.
    NotCounted,
    /// A step above or below it tells of a cost that counts.
    CountedElsewhere,
    /// It names no model.
    NoModel,
    /// No price is known of the model, where that provider serves it.
    NoPrice,
    /// A price is known, and not one for each kind of its tokens.
    IncompletePrice,
}

/// A part of a cost that was worked out.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CostPart {
    /// What was counted.
    pub tokens_of: TokensOf,
    /// How many tokens.
    pub tokens: u64,
    /// Which of the prices was applied: their own, or where there is none, that of what they are a part of.
    pub priced_as: TokensOf,
    /// US dollars of a million of them.
    pub per_million: f64,
    /// US dollars.
    pub cost: f64,
}

/// The kinds of tokens that have a price of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokensOf {
    /// In, neither read from the cache nor written to it.
    Input,
    /// In, from the provider's cache.
    CacheRead,
    /// In, put into the provider's cache.
    CacheWrite,
    /// Out, no reasoning.
    Output,
    /// Out, reasoning.
    Reasoning,
    /// In, sound that is neither read from the cache nor written to it.
    InputAudio,
    /// In, pictures that are neither read from the cache nor written to it.
    InputImage,
    /// In, sound from the provider's cache.
    CacheReadAudio,
    /// In, pictures from the provider's cache.
    CacheReadImage,
    /// In, put into the provider's cache for an hour.
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
    /// Out, sound.
    OutputAudio,
    /// Out, pictures.
    OutputImage,
}

impl TokensOf {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite,
        Self::Output,
        Self::Reasoning,
        Self::InputAudio,
        Self::InputImage,
        Self::CacheReadAudio,
        Self::CacheReadImage,
        Self::CacheWrite1h,
        Self::OutputAudio,
        Self::OutputImage,
    ];

    /// The prices that hold for them, the first that is known before the others.
    const fn priced_as(self) -> &'static [Self] {
        match self {
            Self::Input => &[Self::Input],
            Self::CacheRead => &[Self::CacheRead, Self::Input],
            Self::CacheWrite => &[Self::CacheWrite, Self::Input],
            Self::Output => &[Self::Output],
            Self::Reasoning => &[Self::Reasoning, Self::Output],
            Self::InputAudio => &[Self::InputAudio, Self::Input],
            Self::InputImage => &[Self::InputImage, Self::Input],
            Self::CacheReadAudio => &[Self::CacheReadAudio, Self::CacheRead, Self::InputAudio, Self::Input],
            Self::CacheReadImage => &[Self::CacheReadImage, Self::CacheRead, Self::InputImage, Self::Input],
            Self::CacheWrite1h => &[Self::CacheWrite1h, Self::CacheWrite, Self::Input],
            Self::OutputAudio => &[Self::OutputAudio, Self::Output],
            Self::OutputImage => &[Self::OutputImage, Self::Output],
        }
    }
}

impl Price {
    /// US dollars of a million tokens of a kind, where the price says it.
    #[must_use]
    pub const fn of(&self, tokens: TokensOf) -> Option<f64> {
        match tokens {
            TokensOf::Input => self.input,
            TokensOf::CacheRead => self.cache_read,
            TokensOf::CacheWrite => self.cache_write,
            TokensOf::Output => self.output,
            TokensOf::Reasoning => self.reasoning,
            TokensOf::InputAudio => self.input_audio,
            TokensOf::InputImage => self.input_image,
            TokensOf::CacheReadAudio => self.cache_read_audio,
            TokensOf::CacheReadImage => self.cache_read_image,
            TokensOf::CacheWrite1h => self.cache_write_1h,
            TokensOf::OutputAudio => self.output_audio,
            TokensOf::OutputImage => self.output_image,
        }
    }
}

/// A cost that was worked out, and how.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Priced {
    /// Whose price it is.
    pub source: CostSource,
    /// The price.
    pub price: Price,
    /// What it is the sum of.
    pub parts: Vec<CostPart>,
}

impl Priced {
    /// US dollars.
    #[must_use]
    pub fn cost(&self) -> f64 {
        self.parts.iter().map(|part| part.cost).sum()
    }
}

/// The prices of a project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices {
    own: Vec<Price>,
}

impl Prices {
    /// The project's own prices, and behind them the table that comes with the program.
    #[must_use]
    pub fn new(own: Vec<Price>) -> Self {
        Self { own }
    }

    /// The project's own prices.
    #[must_use]
    pub fn own(&self) -> &[Price] {
        &self.own
    }

    /// What the tokens of a span cost.
    ///
    /// # Errors
    /// Why that is not known.
    pub fn of(&self, span: &Span) -> Result<Priced, NoCost> {
        let usage = span.usage.unwrap_or_default();
        let model = span.model.as_deref().filter(|model| !model.is_empty()).ok_or(NoCost::NoModel)?;
        let provider = span.provider.as_deref();
        let holds = |price: &&Price| {
            matches(&price.model, &model.to_lowercase())
                && price.provider.as_deref().is_none_or(|only| provider.is_some_and(|served| only.eq_ignore_ascii_case(served)))
        };
        let own = in_force(self.own.iter().filter(holds), span.time(), usage.input.unwrap_or_default());
        let (source, price) = match own {
            Some(price) => (CostSource::OwnPrice, price),
            None => {
                let of_model = price_table().prices(model, provider).ok_or(NoCost::NoPrice)?;
                let price = in_force(of_model.iter(), span.time(), usage.input.unwrap_or_default());
                (CostSource::PriceTable, price.ok_or(NoCost::NoPrice)?)
            }
        };
        let parts = parts(price, usage).ok_or(NoCost::IncompletePrice)?;
        Ok(Priced { source, price: price.clone(), parts })
    }
}

/// The price that holds at a moment for a call with that many tokens in: the latest, and of those the one for the most tokens.
/// Between equals the first wins.
fn in_force<'a>(prices: impl Iterator<Item = &'a Price>, at: Timestamp, input: u64) -> Option<&'a Price> {
    let hold = prices.filter(|price| price.since.is_none_or(|since| since <= at) && (price.above == 0 || price.above < input));
    hold.reduce(|best, other| if (other.since, other.above) > (best.since, best.above) { other } else { best })
}

/// Whether a name in lower case is one that the pattern means.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern = pattern.to_lowercase();
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(begin)) => name.starts_with(begin),
        (None, None) => name == pattern,
    }
}

/// What a price makes of tokens; `None` where it says nothing of a kind of them.
fn parts(price: &Price, usage: Usage) -> Option<Vec<CostPart>> {
    let told = counted(usage).into_iter().filter(|(_, tokens)| *tokens > 0);
    told.map(|(tokens_of, tokens)| {
        let mut known = tokens_of.priced_as().iter().filter_map(|of| Some((*of, price.of(*of)?)));
        let (priced_as, per_million) = known.next()?;
        Some(CostPart { tokens_of, tokens, priced_as, per_million, cost: tokens as f64 * per_million / PER })
    })
    .collect()
}

/// How many tokens there are of each kind, none of them counted twice. What clients tell may contradict itself: a part is never
/// more than what it is a part of.
fn counted(usage: Usage) -> [(TokensOf, u64); 12] {
    /// Takes a part out of what is left.
    fn take(left: &mut u64, part: Option<u64>) -> u64 {
        let part = part.unwrap_or_default().min(*left);
        *left -= part;
        part
    }
    let mut input = usage.input.unwrap_or_default();
    let mut read = take(&mut input, usage.cache_read);
    let mut written = take(&mut input, usage.cache_write);
    let read_audio = take(&mut read, usage.cache_read_audio);
    let read_image = take(&mut read, usage.cache_read_image);
    let written_1h = take(&mut written, usage.cache_write_1h);
    let audio = take(&mut input, usage.input_audio.map(|audio| audio.saturating_sub(read_audio)));
    let image = take(&mut input, usage.input_image.map(|image| image.saturating_sub(read_image)));
    let mut output = usage.output.unwrap_or_default();
    let reasoning = take(&mut output, usage.reasoning);
    let audio_out = take(&mut output, usage.output_audio);
    let image_out = take(&mut output, usage.output_image);
    [
        (TokensOf::Input, input),
        (TokensOf::InputAudio, audio),
        (TokensOf::InputImage, image),
        (TokensOf::CacheRead, read),
        (TokensOf::CacheReadAudio, read_audio),
        (TokensOf::CacheReadImage, read_image),
        (TokensOf::CacheWrite, written),
        (TokensOf::CacheWrite1h, written_1h),
        (TokensOf::Output, output),
        (TokensOf::Reasoning, reasoning),
        (TokensOf::OutputAudio, audio_out),
        (TokensOf::OutputImage, image_out),
    ]
}

#[cfg(test)]
mod tests {
    use neuraltrust_model::{SpanId, SpanPatch, TraceId};

    use super::*;

    fn span(model: &str, provider: &str, start: &str, usage: Usage) -> Span {
        let patch = SpanPatch {
            model: Some(model.to_owned()),
            provider: (!provider.is_empty()).then(|| provider.to_owned()),
            start: Some(start.to_owned().try_into().unwrap()),
            usage: Some(usage),
            ..SpanPatch::new(TraceId::new("t").unwrap(), SpanId::new("s").unwrap())
        };
        Span::new(patch, Timestamp::from_nanos(0))
    }

    fn tokens(input: u64, output: u64) -> Usage {
        Usage { input: Some(input), output: Some(output), ..Usage::default() }
    }

    const TODAY: &str = "2026-11-25T00:00:00Z";

    fn price(model: &str, input: f64) -> Price {
        Price { model: model.to_owned(), input: Some(input), output: Some(10.0), ..Price::default() }
    }

    #[test]
    fn each_kind_of_tokens_has_its_price() {
        let own = Price { cache_read: Some(0.1), cache_write: Some(2.0), reasoning: Some(20.0), ..price("m", 1.0) };
        let usage = Usage { cache_read: Some(100), cache_write: Some(50), reasoning: Some(30), ..tokens(1_000, 200) };
        let priced = Prices::new(vec![own]).of(&span("M", "", TODAY, usage)).unwrap();
        let parts: Vec<_> = priced.parts.iter().map(|part| (part.tokens, part.per_million)).collect();
        assert_eq!(parts, [(850, 1.0), (100, 0.1), (50, 2.0), (170, 10.0), (30, 20.0)]);
        let expect = (850.0 + 10.0 + 100.0 + 1_700.0 + 600.0) / 1e6;
        assert!((priced.cost() - expect).abs() < 1e-12);
        assert_eq!(priced.source, CostSource::OwnPrice);
    }

    #[test]
    fn sound_and_pictures_cost_what_is_theirs_and_else_what_they_are_a_part_of() {
        let own = Price {
            cache_read: Some(0.5),
            cache_write: Some(1.25),
            input_audio: Some(32.0),
            input_image: Some(5.0),
            cache_read_audio: Some(0.25),
            cache_write_1h: Some(2.0),
            output_audio: Some(64.0),
            ..price("m", 1.0)
        };
        let usage = Usage {
            cache_read: Some(300),
            cache_write: Some(100),
            input_audio: Some(400),
            input_image: Some(50),
            cache_read_audio: Some(100),
            cache_read_image: Some(20),
            cache_write_1h: Some(60),
            output_audio: Some(150),
            output_image: Some(10),
            ..tokens(1_000, 200)
        };
        let priced = Prices::new(vec![own]).of(&span("m", "", TODAY, usage)).unwrap();
        let parts: Vec<_> =
            priced.parts.iter().map(|part| (part.tokens_of, part.tokens, part.priced_as, part.per_million)).collect();
        let itself = |of, tokens, dollars| (of, tokens, of, dollars);
        assert_eq!(
            parts,
            [
                itself(TokensOf::Input, 270, 1.0),
                itself(TokensOf::InputAudio, 300, 32.0),
                itself(TokensOf::InputImage, 30, 5.0),
                itself(TokensOf::CacheRead, 180, 0.5),
                itself(TokensOf::CacheReadAudio, 100, 0.25),
                (TokensOf::CacheReadImage, 20, TokensOf::CacheRead, 0.5),
                itself(TokensOf::CacheWrite, 40, 1.25),
                itself(TokensOf::CacheWrite1h, 60, 2.0),
                itself(TokensOf::Output, 40, 10.0),
                itself(TokensOf::OutputAudio, 150, 64.0),
                (TokensOf::OutputImage, 10, TokensOf::Output, 10.0),
            ]
        );
        assert_eq!(parts.iter().map(|(_, tokens, ..)| tokens).sum::<u64>(), 1_200, "each token costs once");
    }

    #[test]
    fn parts_that_contradict_the_whole_cost_no_more_than_the_whole() {
        let many = Some(9_000);
        let usage = Usage {
            cache_read: many,
            cache_write: many,
            reasoning: many,
            input_audio: many,
            input_image: many,
            cache_read_audio: many,
            cache_read_image: many,
            cache_write_1h: many,
            output_audio: many,
            output_image: many,
            ..tokens(1_000, 100)
        };
        let priced = Prices::new(vec![price("m", 1.0)]).of(&span("m", "", TODAY, usage)).unwrap();
        assert_eq!(priced.parts.iter().map(|part| part.tokens).sum::<u64>(), 1_100);
    }

    #[test]
    fn the_latest_price_that_has_begun_holds_and_large_calls_have_their_own() {
        let since = |text: &str| Some(Timestamp::try_from(text.to_owned()).unwrap());
        let own = vec![
            price("m*", 1.0),
            Price { since: since("2026-06-01T00:00:00Z"), ..price("m*", 2.0) },
            Price { since: since("2026-06-01T00:00:00Z"), above: 1_000, ..price("m*", 4.0) },
            Price { since: since("2027-01-01T00:00:00Z"), ..price("m*", 8.0) },
        ];
        let prices = Prices::new(own);
        let input = |start, input| prices.of(&span("m-1", "", start, tokens(input, 0))).unwrap().price.input;
        assert_eq!(input("2026-05-31T23:59:59Z", 5_000), Some(1.0));
        assert_eq!(input("2026-06-01T00:00:00Z", 1_000), Some(2.0));
        assert_eq!(input("2026-06-01T00:00:00Z", 1_001), Some(4.0));
    }

    #[test]
    fn what_is_not_known_has_no_price() {
        let none = Prices::default();
        let usage = tokens(10, 10);
        assert_eq!(none.of(&span("", "", TODAY, usage)), Err(NoCost::NoModel));
        assert_eq!(none.of(&span("nobody-knows-this", "openai", TODAY, usage)), Err(NoCost::NoPrice));
        assert_eq!(none.of(&span("gpt-4o", "somebody's own machine", TODAY, usage)), Err(NoCost::NoPrice));
        let no_output = Prices::new(vec![Price { output: None, ..price("m", 1.0) }]);
        assert_eq!(no_output.of(&span("m", "", TODAY, usage)), Err(NoCost::IncompletePrice));
        assert!(no_output.of(&span("m", "", TODAY, tokens(10, 0))).is_ok());
        let only_there = Prices::new(vec![Price { provider: Some("acme".to_owned()), ..price("m", 1.0) }]);
        assert_eq!(only_there.of(&span("m", "", TODAY, usage)), Err(NoCost::NoPrice));
        assert!(only_there.of(&span("m", "Acme", TODAY, usage)).is_ok());
    }
}
