#!/usr/bin/env python3
"""Writes the price table of the store from the published data set genai-prices (https://github.com/pydantic/genai-prices, MIT).

    python3 -m venv /tmp/prices && /tmp/prices/bin/pip install genai-prices==0.2.3
    /tmp/prices/bin/python scripts/prices.py 2026-11 > crates/store/src/prices/table.tsv

The argument is the month in which that version was published. Taken are facts: who serves which model, and what a token costs from
when on. Left out is what is no price of a token (sound by the minute, pictures by their size, searches, pages), video, and prices by the time
of day.
"""
import sys
from importlib.metadata import version

from genai_prices import types
from genai_prices.data import providers

# Who serves models by their own names, or under a name of theirs that clients send.
SERVED_BY = [
    "anthropic", "aws", "azure", "cerebras", "cohere", "deepseek", "fireworks", "google", "groq", "minimax", "mistral",
    "moonshotai", "openai", "openrouter", "perplexity", "together", "voyageai", "x-ai", "zai",
]
FIELDS = [
    "input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok", "input_audio_mtok", "input_image_mtok",
    "cache_audio_read_mtok", "cache_image_read_mtok", "cache_write_1h_mtok", "output_audio_mtok", "output_image_mtok",
]


def patterns(match):
    """The names of a model. A rule that is more than that is left out: no price is better than a wrong one."""
    if isinstance(match, types.ClauseOr):
        return [name for part in match.or_ for name in patterns(part)]
    if isinstance(match, types.ClauseEquals):
        return [match.equals]
    if isinstance(match, types.ClauseStartsWith):
        return [match.starts_with + "*"]
    if isinstance(match, types.ClauseContains):
        return ["*" + match.contains + "*"]
    if isinstance(match, types.ClauseEndsWith):
        return ["*" + match.ends_with]
    return []


def rates(prices):
    """The prices of a model, each with the number of tokens in above which it holds."""
    values = [getattr(prices, field, None) for field in FIELDS]
    above = {0} | {tier.start for value in values if isinstance(value, types.TieredPrices) for tier in value.tiers}
    for least in sorted(above):
        yield least, [at(value, least) for value in values]


def at(value, least):
    if isinstance(value, types.TieredPrices):
        tiers = [tier.price for tier in value.tiers if tier.start <= least]
        value = tiers[-1] if tiers else value.base
    return "" if value is None else f"{value:f}"


def rows():
    for provider in providers:
        if provider.id not in SERVED_BY:
            continue
        for model in provider.models:
            names = sorted({name.lower() for name in patterns(model.match)} | {model.id.lower()})
            dated = model.prices if isinstance(model.prices, list) else [types.ConditionalPrice(prices=model.prices)]
            for price in dated:
                if isinstance(price.constraint, types.StartDateConstraint):
                    since = price.constraint.start_date.isoformat()
                elif price.constraint is None:
                    since = ""
                else:
                    continue
                for above, values in rates(price.prices):
                    if any(values):
                        yield [provider.id, " ".join(names), since, str(above or ""), *values]


print(f"# genai-prices\t{version('genai-prices')}\t{sys.argv[1]}\thttps://github.com/pydantic/genai-prices")
for row in rows():
    print("\t".join(row).rstrip("\t"))
