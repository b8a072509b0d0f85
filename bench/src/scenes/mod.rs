//! What is measured: one file for each story that a table row tells. Each starts servers of its own on data of its own.

mod agent;
mod big_trace;
mod chat;
mod crash;
mod decode;
mod live;
mod memory;
mod queries;
mod single;

use std::path::PathBuf;
use std::time::Duration;

use neuraltrust_testing::Server;

use crate::arguments::Scene;
use crate::report::Report;

/// Connections that send exports.
const CONNECTIONS: usize = 4;
/// Connections of an open loop: enough that a slow answer does not hold back the next request.
const OPEN_CONNECTIONS: usize = 16;
/// No limit: a run ends when everything is sent.
const UNTIL_DONE: Duration = Duration::MAX;

/// How much is measured.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The program that is measured.
    pub(crate) binary: PathBuf,
    pub(crate) seed: u64,
    /// Spans of `chat`.
    pub(crate) chat_spans: usize,
    /// Traces of `agent`, 100 calls each.
    pub(crate) agent_traces: usize,
    /// How long each run of `single` takes.
    pub(crate) single: Duration,
    /// Spans that the queries are asked of.
    pub(crate) spans: usize,
    /// How often each query is asked.
    pub(crate) rounds: u64,
    /// Spans of the one large trace.
    pub(crate) big_trace: usize,
    /// How long `chat` is sent at half the highest rate.
    pub(crate) pace: Duration,
    /// How long memory is watched.
    pub(crate) memory: Duration,
    /// How often the server is killed.
    pub(crate) kills: usize,
}

impl Plan {
    fn server(&self) -> Server {
        Server::start(&self.binary)
    }
}

/// Measures the scenes, in their order.
pub(crate) fn run(scenes: &[Scene], plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let (queries, mixed) = (scenes.contains(&Scene::Queries), scenes.contains(&Scene::Mixed));
    let mut asked = false;
    for scene in scenes {
        match scene {
            Scene::Chat => chat::run(plan, report)?,
            Scene::Agent => agent::run(plan, report)?,
            Scene::Single => single::run(plan, report)?,
            // The two are about the same spans.
            Scene::Queries | Scene::Mixed if asked => {}
            Scene::Queries | Scene::Mixed => {
                asked = true;
                queries::run(plan, queries, mixed, report)?;
            }
            Scene::BigTrace => big_trace::run(plan, report)?,
            Scene::Live => live::run(plan, report)?,
            Scene::Memory => memory::run(plan, report)?,
            Scene::Crash => crash::run(plan, report)?,
            Scene::Decode => decode::run(plan, report)?,
        }
    }
    Ok(())
}
