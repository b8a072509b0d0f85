//! W3C Trace Context, level 1: the header `traceparent`, in and out.

use crate::ids::Id;
use crate::span::Step;
use crate::trace::TraceOptions;

impl Step {
    /// The header that makes another process go on below this step. `None` where an id is of the application's own choice and not in the
    /// form that the header has.
    ///
    /// ```
    /// # use neuraltrust::{Client, TraceOptions, testing::Recorder};
    /// # let client = Client::new(Recorder::default().options())?;
    /// let step = client.trace(TraceOptions::default()).message("Hello");
    /// let header = step.traceparent().unwrap();
    /// // In the other process:
    /// let below = client.trace(TraceOptions::default().traceparent(&header)).tool("weather");
    /// assert_eq!((below.trace_id(), below.parent_id()), (step.trace_id(), Some(step.id())));
    /// # Ok::<(), neuraltrust::Error>(())
    /// ```
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let context = &self.core.context;
        let (Id::Own(_), Id::Own(_)) = (&context.trace, &self.core.id) else { return None };
        Some(format!("00-{}-{}-0{}", context.trace.text(), self.core.id.text(), u8::from(context.sampled)))
    }
}

impl TraceOptions {
    /// Goes on below the step that the header names, where it is one; ids that are set win over it. A trace that the header says is not
    /// recorded is not recorded here either, unless [`TraceOptions::sampled`] says so.
    #[must_use]
    pub fn traceparent(mut self, header: &str) -> Self {
        if let Some((trace, parent, recorded)) = read(header.trim()) {
            self.trace_id.get_or_insert_with(|| trace.to_owned());
            self.parent_id.get_or_insert_with(|| parent.to_owned());
            // That it is recorded upstream decides nothing: the share that this process takes is its own.
            if !recorded {
                self.sampled.get_or_insert(false);
            }
        }
        self
    }
}

/// The ids of the trace and of the step, and whether the trace is recorded.
fn read(header: &str) -> Option<(&str, &str, bool)> {
    let mut fields = header.split('-');
    let mut field = |digits: usize| {
        let field = fields.next()?;
        (field.len() == digits && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))).then_some(field)
    };
    let (version, trace, parent, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
    let is_none = |id: &str| id.bytes().all(|byte| byte == b'0');
    // A later version may add fields at the end; version ff is forbidden.
    let whole = version != "00" || fields.next().is_none();
    let recorded = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    (version != "ff" && whole && !is_none(trace) && !is_none(parent)).then_some((trace, parent, recorded))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "11111111111111111111111111111111";
    const PARENT: &str = "2222222222222222";

    #[track_caller]
    fn check(header: &str, expect: Option<bool>) {
        assert_eq!(read(header), expect.map(|recorded| (TRACE, PARENT, recorded)), "{header}");
    }

    #[test]
    fn headers_that_are_some_and_that_are_none() {
        check(&format!("00-{TRACE}-{PARENT}-01"), Some(true));
        check(&format!("00-{TRACE}-{PARENT}-00"), Some(false));
        check(&format!("01-{TRACE}-{PARENT}-03-more"), Some(true));
        for none in [
            String::new(),
            "00-zz".to_owned(),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{}-{PARENT}-01", "A".repeat(32)),
        ] {
            check(&none, None);
        }
    }

    #[test]
    fn what_the_application_says_wins() {
        let header = format!("00-{TRACE}-{PARENT}-00");
        let told = TraceOptions::default().traceparent(&header);
        let expect = (Some(TRACE), Some(PARENT), Some(false));
        assert_eq!((told.trace_id.as_deref(), told.parent_id.as_deref(), told.sampled), expect);
        let own = TraceOptions::default().trace_id("mine").sampled(true).traceparent(&header);
        assert_eq!((own.trace_id.as_deref(), own.sampled), (Some("mine"), Some(true)));
    }
}
