//! Steps that end by themselves: with a scope, or with the work that runs inside them.

use std::cell::RefCell;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::span::{Ending, Failure, Step};

thread_local! {
    static CURRENT: RefCell<Option<Step>> = const { RefCell::new(None) };
}

/// A step that ends when this is dropped, unless it was ended before. Where a panic drops it, the step failed.
///
/// ```
/// # use neuraltrust::{Client, TraceOptions, testing::Recorder};
/// # let recorder = Recorder::default();
/// # let client = Client::new(recorder.options())?;
/// {
///     let tool = client.trace(TraceOptions::default()).tool("Bern").guard();
///     tool.event("asked the weather service");
/// } // ends here
/// assert!(recorder.spans(&client).iter().all(|span| !span.is_open()));
/// # Ok::<(), neuraltrust::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the step ends when the guard is dropped"]
pub struct Guard {
    step: Step,
}

impl Deref for Guard {
    type Target = Step;

    fn deref(&self) -> &Step {
        &self.step
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.step.is_ended() {
            return;
        }
        let panicked = || Failure { kind: "panic".to_owned(), message: "the code panicked".to_owned(), stacktrace: None };
        let failure = std::thread::panicking().then(panicked);
        self.step.end_with(Ending { failure, ..Ending::default() });
    }
}

/// The step that the running code belongs to: that of the innermost [`Step::run`] or [`Step::within`] around it.
#[must_use]
pub fn current() -> Option<Step> {
    CURRENT.with_borrow(Clone::clone)
}

impl Step {
    /// Makes the step end with the scope that holds the guard.
    pub fn guard(self) -> Guard {
        Guard { step: self }
    }

    /// Runs a function with this step as the [`current`] one. It does not end the step.
    ///
    /// ```
    /// # use neuraltrust::{Client, TraceOptions, testing::Recorder};
    /// # let client = Client::new(Recorder::default().options())?;
    /// fn look_up() {
    ///     // Anywhere below, without the step being handed on.
    ///     if let Some(step) = neuraltrust::current() {
    ///         step.event("looked it up");
    ///     }
    /// }
    /// client.trace(TraceOptions::default()).message("Hello").run(look_up);
    /// assert!(neuraltrust::current().is_none());
    /// # Ok::<(), neuraltrust::Error>(())
    /// ```
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let _entered = Entered::new(self.clone());
        work()
    }

    /// Makes this step the [`current`] one wherever and whenever the future runs, on whichever thread, and never in between.
    pub fn within<F: Future>(&self, future: F) -> Within<F> {
        Within { step: self.clone(), future: Box::pin(future) }
    }
}

/// A future that runs inside a step; see [`Step::within`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Within<F> {
    step: Step,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = Entered::new(self.step.clone());
        self.future.as_mut().poll(context)
    }
}

/// Puts back what was current before, also when a panic goes through.
struct Entered {
    before: Option<Step>,
}

impl Entered {
    fn new(step: Step) -> Self {
        Self { before: CURRENT.replace(Some(step)) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        // Dropped outside of the cell: the last handle of a client delivers as it goes, and may come back here.
        drop(CURRENT.replace(before));
    }
}
