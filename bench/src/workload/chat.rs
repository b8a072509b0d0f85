//! `chat`: people who talk with an assistant; every step brings about 2.4 KB of text that was never said before.
//!
//! A turn is a trace of 6 to 8 spans with the root last, as exporters send them. Some conversations go on at the same time;
//! their turns are mixed. Start times follow each other over a month.

use std::collections::VecDeque;

use neuraltrust_model::Kind;

use super::{Step, hex};
use crate::random::Random;
use crate::words::Words;

/// 2026-10-01T00:00:00Z.
const MONTH: u64 = 1_790_812_800_000_000_000;
const MONTH_NANOS: u64 = 31 * 24 * 3_600 * 1_000_000_000;
const MILLISECOND: u64 = 1_000_000;
/// Conversations that go on at the same time.
const OPEN: u64 = 16;
const USERS: u64 = 5_000;
const CHANNELS: [&str; 4] = ["web", "ios", "android", "whatsapp"];
const MODELS: [&str; 6] =
    ["gpt-4.1-mini", "gpt-4.1", "claude-sonnet-4-5", "claude-haiku-4-5", "gemini-2.5-flash", "mistral-large-2512"];
/// Bytes of what a step says: 2,400 on average.
const TEXT_BYTES: (u64, u64) = (1_200, 3_600);
/// The conversation after that many short ones is long, again and again.
const LONG_EVERY: u64 = 1_000;
/// The first of the long conversations.
const FIRST_LONG: u64 = 5;
/// Turns of a long conversation.
pub(crate) const LONG_TURNS: u64 = 100;
/// Pairs of rare words that are said side by side.
pub(crate) const PHRASES: u64 = 16;
/// One step in that many says one of the pairs.
const PHRASE_EVERY: u64 = 1_000;

/// The pair of rare words number `n`.
pub(crate) fn phrase(words: &Words, n: u64) -> String {
    format!("{} {}", words.of_rank(20_000 + 997 * n), words.of_rank(45_000 - 997 * n))
}

/// A user; the first are the most talkative.
pub(crate) fn user(rank: u64) -> String {
    format!("user_{rank:05}")
}

/// The id of the long conversation number `n` of a seed.
pub(crate) fn long_conversation(seed: u64, n: u64) -> String {
    Conversation::new(seed, FIRST_LONG + n * LONG_EVERY).id
}

/// The steps of a seed, without end.
#[derive(Debug)]
pub(crate) struct Chat {
    seed: u64,
    random: Random,
    words: Words,
    open: Vec<Conversation>,
    begun: u64,
    steps: u64,
    /// Steps of a month.
    month_steps: u64,
    turn: VecDeque<Step>,
}

impl Chat {
    /// The steps of a seed, of which `month_steps` fall into a month; what is more falls into the same month again.
    pub(crate) fn new(seed: u64, month_steps: u64) -> Self {
        let open = (0..OPEN).map(|n| Conversation::new(seed, n)).collect();
        let random = Random::part(seed, u64::MAX);
        Self { seed, random, words: Words::new(), open, begun: OPEN, steps: 0, month_steps, turn: VecDeque::new() }
    }

    /// The steps of one trace, all below the same root, which comes last.
    pub(crate) fn one_trace(seed: u64, spans: usize) -> impl Iterator<Item = Step> {
        let mut chat = Self::new(seed, spans as u64);
        let trace = chat.random.id();
        let root = chat.random.id();
        let conversation = Conversation::new(seed, 0);
        (0..spans).map(move |n| {
            let span = if n + 1 == spans { root } else { chat.random.id() };
            let kind = if span == root { Kind::Message } else { chat.random.one(&[Kind::Generation, Kind::Tool]).clone() };
            let start = chat.now() + n as u64 * MILLISECOND;
            chat.step(&conversation, trace, (span, (span != root).then_some(root)), kind, (start, start + MILLISECOND))
        })
    }

    fn now(&self) -> u64 {
        let share = (self.steps % self.month_steps) as f64 / self.month_steps as f64;
        MONTH + (share * MONTH_NANOS as f64) as u64
    }

    /// Makes the next turn of one of the open conversations.
    fn turn(&mut self) {
        let open = self.random.below(OPEN) as usize;
        let mut conversation = self.open[open].clone();
        let mut kinds = vec![Kind::Router, Kind::Retrieval, Kind::Generation, Kind::Tool, Kind::Generation];
        if self.random.below(2) == 0 {
            kinds.insert(0, Kind::Guardrail);
        }
        if self.random.below(2) == 0 {
            kinds.insert(kinds.len() - 1, Kind::Tool);
        }
        let (trace, root) = (self.random.id(), self.random.id());
        let start = self.now() + self.random.below(60_000) * MILLISECOND;
        let mut at = start;
        let mut asked = root;
        let mut turn = VecDeque::with_capacity(kinds.len() + 1);
        for kind in kinds {
            // From 20 ms to about 5 s, short ones more often.
            let end = at + (20.0 * 250_f64.powf(self.random.share()) * MILLISECOND as f64) as u64;
            let span = self.random.id();
            // A tool is called by the generation before it.
            let parent = if kind == Kind::Tool { asked } else { root };
            if kind == Kind::Generation {
                asked = span;
            }
            turn.push_back(self.step(&conversation, trace, (span, Some(parent)), kind, (at, end)));
            at = end + MILLISECOND;
        }
        turn.push_back(self.step(&conversation, trace, (root, None), Kind::Message, (start, at)));
        self.turn = turn;
        conversation.turns_left -= 1;
        if conversation.turns_left == 0 {
            conversation = Conversation::new(self.seed, self.begun);
            self.begun += 1;
        }
        self.open[open] = conversation;
    }

    fn step(
        &mut self,
        conversation: &Conversation,
        trace: [u8; 16],
        (span, parent): ([u8; 8], Option<[u8; 8]>),
        kind: Kind,
        (start, end): (u64, u64),
    ) -> Step {
        self.steps += 1;
        let bytes = self.random.within(TEXT_BYTES.0, TEXT_BYTES.1) as usize;
        let asked = bytes * self.random.within(10, 50) as usize / 100;
        let input = self.words.text(&mut self.random, asked);
        let mut output = self.words.text(&mut self.random, bytes - asked);
        if self.random.below(PHRASE_EVERY) == 0 {
            output = format!("{output} {}", phrase(&self.words, self.random.below(PHRASES)));
        }
        let model = (kind == Kind::Generation).then(|| MODELS[self.random.rank(MODELS.len() as u64) as usize - 1]);
        let Conversation { id, session, channel, user, .. } = conversation.clone();
        Step { trace, span, parent, conversation: id, session, channel, user, kind, model, start, end, input, output }
    }
}

impl Iterator for Chat {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.turn.is_empty() {
            self.turn();
        }
        self.turn.pop_front()
    }
}

#[derive(Debug, Clone)]
struct Conversation {
    id: String,
    session: String,
    channel: &'static str,
    user: String,
    turns_left: u64,
}

impl Conversation {
    /// The conversation number `n` of a seed.
    fn new(seed: u64, n: u64) -> Self {
        let mut random = Random::part(seed, n);
        let long = n % LONG_EVERY == FIRST_LONG;
        Self {
            id: uuid(random.id()),
            session: uuid(random.id()),
            channel: *random.one(&CHANNELS),
            user: user(random.rank(USERS)),
            turns_left: if long { LONG_TURNS } else { random.within(1, 8) },
        }
    }
}

/// A UUID of version 4 (RFC 9562, section 5.4).
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn steps_have_ids_of_their_own_and_parents_in_their_turn() {
        let steps: Vec<Step> = Chat::new(1, 10_000).take(10_000).collect();
        assert_eq!(steps, Chat::new(1, 10_000).take(10_000).collect::<Vec<_>>());
        assert_ne!(steps[0], Chat::new(2, 10_000).next().unwrap());
        assert_eq!(steps.iter().map(|step| step.span).collect::<BTreeSet<_>>().len(), steps.len());
        let mut traces = BTreeMap::<_, Vec<&Step>>::new();
        for step in &steps {
            traces.entry(step.trace).or_default().push(step);
        }
        let last = steps.last().unwrap().trace;
        traces.retain(|trace, _| *trace != last);
        for turn in traces.values() {
            assert!((6..=8).contains(&turn.len()));
            let ids: BTreeSet<_> = turn.iter().map(|step| step.span).collect();
            assert!(turn.iter().all(|step| step.parent.is_none_or(|parent| ids.contains(&parent))));
            assert!(turn.last().unwrap().parent.is_none() && turn.iter().filter(|step| step.parent.is_none()).count() == 1);
            assert!(turn.iter().all(|step| step.conversation == turn[0].conversation && step.end > step.start));
        }
    }

    #[test]
    fn a_step_says_2400_bytes_on_average_over_a_month() {
        let steps: Vec<Step> = Chat::new(1, 4_000).take(4_000).collect();
        let mean = steps.iter().map(Step::text_bytes).sum::<u64>() / 4_000;
        assert!((2_350..2_450).contains(&mean), "{mean}");
        let starts: Vec<u64> = steps.iter().map(|step| step.start).collect();
        assert!(starts.iter().all(|start| (MONTH..MONTH + MONTH_NANOS + 60_000_000_000_000).contains(start)));
        assert!(starts[3_999] - starts[0] > MONTH_NANOS / 100 * 99);
    }

    #[test]
    fn what_is_asked_for_is_there() {
        let steps: Vec<Step> = Chat::new(1, 20_000).take(20_000).collect();
        let words = Words::new();
        let said = |text: &str| steps.iter().any(|step| step.output.ends_with(text));
        assert!((0..PHRASES).filter(|n| said(&phrase(&words, *n))).count() >= 8);
        let long = long_conversation(1, 0);
        let roots = steps.iter().filter(|step| step.conversation == long && step.parent.is_none());
        assert_eq!(roots.count() as u64, LONG_TURNS);
        assert!(steps.iter().any(|step| step.user == user(1)));
    }

    #[test]
    fn one_trace_has_one_root_and_comes_whole() {
        let steps: Vec<Step> = Chat::one_trace(1, 1_000).collect();
        assert_eq!(steps.iter().map(|step| step.trace).collect::<BTreeSet<_>>().len(), 1);
        assert_eq!(steps.iter().map(|step| step.span).collect::<BTreeSet<_>>().len(), 1_000);
        let root = &steps[999];
        assert!(root.parent.is_none() && steps[..999].iter().all(|step| step.parent == Some(root.span)));
    }
}
