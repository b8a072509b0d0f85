//! The price table that comes with the program, which `scripts/prices.py` makes of a published data set.
//!
//! A line is a price: provider, names of the model (in lower case; `*` stands for anything), from which day on, above how many
//! tokens in, and US dollars of a million tokens in, out, read from a cache, written to one, of reasoning, of sound and of pictures
//! in, of both read from a cache, written to one for an hour, of sound and of pictures out. What is empty at its end is left out.

use std::collections::HashMap;
use std::sync::LazyLock;

use neuraltrust_model::Timestamp;

use super::{Price, matches};

const TEXT: &str = include_str!("table.tsv");

/// How the names that clients give to providers tell which it is; the first that occurs in the name is it.
const PROVIDERS: &[(&str, &str)] = &[
    ("openrouter", "openrouter"),
    ("azure", "azure"),
    ("bedrock", "aws"),
    ("amazon", "aws"),
    ("aws", "aws"),
    ("vertex", "google"),
    ("gemini", "google"),
    ("google", "google"),
    ("gcp", "google"),
    ("anthropic", "anthropic"),
    ("openai", "openai"),
    ("mistral", "mistral"),
    ("cohere", "cohere"),
    ("deepseek", "deepseek"),
    ("groq", "groq"),
    ("x-ai", "x-ai"),
    ("xai", "x-ai"),
    ("x_ai", "x-ai"),
    ("cerebras", "cerebras"),
    ("fireworks", "fireworks"),
    ("together", "together"),
    ("perplexity", "perplexity"),
    ("moonshot", "moonshotai"),
    ("minimax", "minimax"),
    ("voyage", "voyageai"),
    ("zai", "zai"),
];
/// Who makes models and serves them by their names, in the order in which a name without a provider is looked for.
const MAKERS: &[&str] =
    &["openai", "anthropic", "google", "mistral", "cohere", "deepseek", "x-ai", "moonshotai", "minimax", "voyageai", "zai"];
/// Who serves models of makers at the makers' prices, where the table says nothing else.
const RESELLERS: &[(&str, &[&str])] =
    &[("azure", &["openai", "anthropic", "deepseek", "x-ai", "moonshotai"]), ("google", &["anthropic"])];

/// The prices that come with the program.
#[derive(Debug)]
pub struct PriceTable {
    /// The data set it was made of.
    pub source: &'static str,
    /// The version of the data set.
    pub version: &'static str,
    /// When that was published.
    pub date: &'static str,
    /// Where it is published.
    pub url: &'static str,
    /// Number of prices.
    pub prices: usize,
    providers: HashMap<&'static str, Provider>,
}

/// The models that one provider serves.
#[derive(Debug, Default)]
struct Provider {
    models: Vec<Model>,
    /// Positions of models by the names that are meant to the letter.
    by_name: HashMap<&'static str, usize>,
}

#[derive(Debug)]
struct Model {
    names: &'static str,
    prices: Vec<Price>,
}

/// The prices that come with the program.
pub fn price_table() -> &'static PriceTable {
    static TABLE: LazyLock<PriceTable> = LazyLock::new(|| read(TEXT));
    &TABLE
}

fn read(text: &'static str) -> PriceTable {
    let mut lines = text.lines();
    let mut about = lines.next().unwrap_or_default().trim_start_matches("# ").split('\t');
    let mut about = || about.next().unwrap_or_default();
    let (source, version, date, url) = (about(), about(), about(), about());
    let mut table = PriceTable { source, version, date, url, prices: 0, providers: HashMap::new() };
    for line in lines {
        let mut columns = line.split('\t');
        let mut column = || columns.next().unwrap_or_default();
        let (name, names, since, above) = (column(), column(), column(), column());
        let mut dollars = || column().parse().ok();
        let price = Price {
            model: names.to_owned(),
            provider: Some(name.to_owned()),
            since: Timestamp::try_from(format!("{since}T00:00:00Z")).ok(),
            above: above.parse().unwrap_or_default(),
            input: dollars(),
            output: dollars(),
            cache_read: dollars(),
            cache_write: dollars(),
            reasoning: dollars(),
            input_audio: dollars(),
            input_image: dollars(),
            cache_read_audio: dollars(),
            cache_read_image: dollars(),
            cache_write_1h: dollars(),
            output_audio: dollars(),
            output_image: dollars(),
        };
        table.prices += 1;
        let provider = table.providers.entry(name).or_default();
        match provider.models.last_mut() {
            // The prices of a model follow each other.
            Some(model) if model.names == names => model.prices.push(price),
            _ => {
                for exact in names.split(' ').filter(|name| !name.contains('*')) {
                    provider.by_name.entry(exact).or_insert(provider.models.len());
                }
                provider.models.push(Model { names, prices: vec![price] });
            }
        }
    }
    table
}

impl PriceTable {
    /// The prices of a model over time; `None` where none is known. What is served by a provider that is not known here has
    /// none: it may be anybody's own machine.
    pub(super) fn prices(&self, model: &str, provider: Option<&str>) -> Option<&[Price]> {
        let model = model.to_lowercase();
        if let Some(provider) = provider {
            let provider = provider.to_lowercase();
            let (_, known) = PROVIDERS.iter().find(|(part, _)| provider.contains(part))?;
            let others = RESELLERS.iter().find(|(name, _)| name == known).map_or(&[][..], |(_, makers)| *makers);
            return std::iter::once(known).chain(others).find_map(|name| self.served(name, &model));
        }
        match model.split_once('/') {
            Some((named, name)) if self.providers.contains_key(named) => self.served(named, name),
            _ => MAKERS.iter().find_map(|maker| self.served(maker, &model)),
        }
    }

    /// A name to the letter goes before one without the day of its version, and that before names that are only alike.
    fn served(&self, provider: &str, model: &str) -> Option<&[Price]> {
        let provider = self.providers.get(provider)?;
        let short = model.rsplit('/').next().unwrap_or(model);
        let exact = [model, short, without_day(short)].into_iter().find_map(|name| provider.by_name.get(name));
        let alike = || {
            provider.models.iter().find(|found| {
                found.names.split(' ').any(|name| name.contains('*') && (matches(name, model) || matches(name, short)))
            })
        };
        let found = exact.and_then(|n| provider.models.get(*n)).or_else(alike)?;
        Some(&found.prices)
    }
}

/// The name of a model without the day at its end: `-2026-11-01`, `-20261101` or `@20261101`.
fn without_day(name: &str) -> &str {
    let digits = |text: &str, many: usize| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((begin, day)) = name.rsplit_once(['-', '@'])
        && digits(day, 8)
    {
        return begin;
    }
    let mut parts = name.rsplitn(4, '-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(day), Some(month), Some(year), Some(begin)) if digits(day, 2) && digits(month, 2) && digits(year, 4) => begin,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(model: &str, provider: Option<&str>, expect: Option<(f64, f64)>) {
        let prices = price_table().prices(model, provider);
        let found = prices.map(|prices| (prices[0].input.unwrap(), prices[0].output.unwrap()));
        assert_eq!(found, expect, "{model} of {provider:?}");
    }

    #[test]
    fn models_are_found_by_the_names_that_clients_give() {
        let gpt_4o = Some((2.5, 10.0));
        check("gpt-4o", None, gpt_4o);
        check("gpt-4o", Some("openai"), gpt_4o);
        check("gpt-4o-2024-08-06", Some("openai"), gpt_4o);
        check("openai/gpt-4o", None, gpt_4o);
        check("GPT-4o", Some("azure.ai.openai"), gpt_4o);
        check("gpt-4o-2024-05-13", Some("openai"), Some((5.0, 15.0)));
        check("gpt-4o-mini-2024-07-18", Some("openai"), Some((0.15, 0.6)));
        check("claude-sonnet-4-5-20250929", Some("anthropic"), Some((3.0, 15.0)));
        check("gemini-2.5-pro", Some("gcp.gemini"), Some((1.25, 10.0)));
        check("gpt-4o", Some("ollama"), None);
        check("no-such-model", Some("openai"), None);
        check("no-such-model", None, None);
    }

    #[test]
    fn every_line_is_a_price_and_says_where_it_is_from() {
        let table = price_table();
        assert_eq!(table.prices, TEXT.lines().count() - 1);
        assert!([table.source, table.version, table.date, table.url].iter().all(|text| !text.is_empty()));
        for model in table.providers.values().flat_map(|provider| &provider.models) {
            assert!(model.prices.iter().all(|price| price.input.is_some() || price.output.is_some()), "{model:?}");
        }
        for line in TEXT.lines().skip(1) {
            let since = line.split('\t').nth(2).unwrap();
            assert!(since.is_empty() || Timestamp::try_from(format!("{since}T00:00:00Z")).is_ok(), "{line}");
        }
        for provider in MAKERS.iter().chain(PROVIDERS.iter().map(|(_, name)| name)) {
            assert!(table.providers.contains_key(provider), "{provider}");
        }
    }

    #[test]
    fn large_calls_have_a_price_of_their_own() {
        let prices = price_table().prices("gemini-2.5-pro", Some("google")).unwrap();
        assert!(prices.iter().any(|price| price.above == 200_000 && price.input == Some(2.5)));
    }
}
