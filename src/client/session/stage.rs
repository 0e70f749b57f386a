//! How far a connection has come, and what came instead of an answer until it was there.

use crate::metric::Step;

#[derive(Debug)]
pub(super) struct Stage {
    reached: Step,
    /// What came last and nothing took, until the client is ready: what a step got instead of its
    /// answer.
    stray: Option<String>,
}

impl Stage {
    /// The protocol's own steps are still to be done.
    pub(super) fn new() -> Self {
        Self { reached: Step::Connect, stray: None }
    }

    /// The protocol's own steps are done: rooms can be joined.
    pub(super) fn open(&mut self) {
        if self.reached == Step::Connect {
            self.reached = Step::Join;
        }
    }

    /// All rooms were joined once.
    pub(super) fn be_ready(&mut self) {
        *self = Self { reached: Step::Active, stray: None };
    }

    pub(super) fn is_open(&self) -> bool {
        self.reached != Step::Connect
    }

    pub(super) fn is_ready(&self) -> bool {
        self.reached == Step::Active
    }

    /// In which step a failure falls.
    pub(super) fn step(&self) -> Step {
        self.reached
    }

    /// Something came that nothing took.
    pub(super) fn note_stray(&mut self, text: impl FnOnce() -> String) {
        if !self.is_ready() {
            self.stray = Some(text());
        }
    }

    /// A failure's text, with what came instead of an answer.
    pub(super) fn explain(&mut self, text: String) -> String {
        match self.stray.take() {
            Some(stray) => format!("{text}; what came instead: {stray}"),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_opens_and_is_ready_and_goes_no_way_back() {
        let mut stage = Stage::new();
        let told = |stage: &Stage| (stage.is_open(), stage.is_ready(), stage.step());
        assert_eq!(told(&stage), (false, false, Step::Connect));
        stage.open();
        assert_eq!(told(&stage), (true, false, Step::Join));
        stage.be_ready();
        assert_eq!(told(&stage), (true, true, Step::Active));
        // A server may say so twice.
        stage.open();
        assert_eq!(told(&stage), (true, true, Step::Active));
    }

    #[test]
    fn what_came_last_is_told_once_and_only_until_it_is_ready() {
        let mut stage = Stage::new();
        assert_eq!(stage.explain("late".to_owned()), "late");
        stage.note_stray(|| "first".to_owned());
        stage.note_stray(|| "second".to_owned());
        assert_eq!(stage.explain("late".to_owned()), "late; what came instead: second");
        assert_eq!(stage.explain("late".to_owned()), "late");
        stage.note_stray(|| "third".to_owned());
        stage.be_ready();
        stage.note_stray(|| panic!("nobody asks any more"));
        assert_eq!(stage.explain("late".to_owned()), "late");
    }
}
