//! The decision: from what was found to a verdict and an exit code. Why, in words, is in `sentence`.
//!
//! Pure. The figures, the thresholds' outcomes and the validity come in; nothing here measures,
//! prints or writes.

use super::{EarlyCause, Exit, Interruption, Report, ValidityState, VerdictState};

/// Everything the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Thresholds that were judged.
    pub thresholds: usize,
    /// Those that failed.
    pub failed: usize,
    /// Whether the figures can be trusted.
    pub validity: ValidityState,
    /// Clients that were joined at least once.
    pub joined: u64,
    /// Whether anything went wrong on any connection.
    pub troubled: bool,
    /// The signal that ended the run early.
    pub interrupted: Option<Interruption>,
    /// What else did.
    pub ended_early: Option<EarlyCause>,
    /// How much weight validity has.
    pub trust: Trust,
}

/// How much weight validity has in the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// An invalid run is not judged.
    #[default]
    Standard,
    /// `--strict`: a suspect run isn't either.
    Strict,
    /// `--allow-invalid`: every run is.
    AllowInvalid,
}

impl Evidence {
    /// The evidence a filled report holds.
    #[must_use]
    pub fn of(report: &Report, trust: Trust) -> Self {
        Self {
            thresholds: report.thresholds.len(),
            failed: report.thresholds.iter().filter(|threshold| !threshold.passed).count(),
            validity: report.validity.state,
            joined: report.clients.joined,
            troubled: !report.errors.is_empty() || report.connections.failed > 0,
            interrupted: report.run.interrupted,
            ended_early: report.run.ended_early.as_ref().map(|end| end.cause),
            trust,
        }
    }

    /// The verdict and its exit code, provided that the report gets written (see
    /// [`exit_after_writing`]). The first that holds of: unreachable, interrupted, invalid, failed;
    /// nobody joined but nothing failed either, an interrupted run is interrupted. What uproar
    /// itself broke off says nothing about the server, and nothing makes it a run to be judged.
    #[must_use]
    pub fn decide(self) -> (VerdictState, Exit) {
        let distrusted = match self.trust {
            Trust::Standard => self.validity == ValidityState::Invalid,
            Trust::Strict => self.validity != ValidityState::Valid,
            Trust::AllowInvalid => false,
        };
        // Nobody was refused in a run that was interrupted before anybody could have got in.
        let too_soon_to_tell = self.interrupted.is_some() && !self.troubled;
        let broken = self.ended_early == Some(EarlyCause::Failure);
        if self.joined == 0 && !too_soon_to_tell && !broken {
            return (VerdictState::Unreachable, Exit::Unreachable);
        }
        match self.interrupted {
            Some(Interruption::Interrupt) => (VerdictState::Interrupted, Exit::Interrupted),
            Some(Interruption::Terminate | Interruption::Hangup) => {
                (VerdictState::Interrupted, Exit::Terminated)
            }
            None if broken || self.ended_early == Some(EarlyCause::Unwelcome) => {
                (VerdictState::Invalid, Exit::Invalid)
            }
            None if distrusted => (VerdictState::Invalid, Exit::Invalid),
            None if self.failed > 0 || self.ended_early == Some(EarlyCause::Threshold) => {
                (VerdictState::Failed, Exit::Failed)
            }
            None if self.thresholds == 0 => (VerdictState::Unjudged, Exit::Passed),
            None => (VerdictState::Passed, Exit::Passed),
        }
    }
}

/// The exit code once writing the report has been tried. What the run found stays as it is, but a
/// job that looks for the report must learn that there is none.
#[must_use]
pub fn exit_after_writing(decided: Exit, written: bool) -> Exit {
    if written { decided } else { Exit::Internal }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: Evidence = Evidence {
        thresholds: 3,
        failed: 0,
        validity: ValidityState::Valid,
        joined: 10,
        troubled: false,
        interrupted: None,
        ended_early: None,
        trust: Trust::Standard,
    };

    #[test]
    fn decisions_in_their_order() {
        use ValidityState::{Invalid, Suspect};
        let int = Some(Interruption::Interrupt);
        let term = Some(Interruption::Terminate);
        let table = [
            ("passed", FINE, VerdictState::Passed, 0),
            ("nothing to judge", Evidence { thresholds: 0, ..FINE }, VerdictState::Unjudged, 0),
            ("one failed", Evidence { failed: 1, ..FINE }, VerdictState::Failed, 1),
            (
                "suspect is judged",
                Evidence { validity: Suspect, failed: 1, ..FINE },
                VerdictState::Failed,
                1,
            ),
            (
                "strict",
                Evidence { validity: Suspect, trust: Trust::Strict, failed: 1, ..FINE },
                VerdictState::Invalid,
                3,
            ),
            (
                "invalid before failed",
                Evidence { validity: Invalid, failed: 1, ..FINE },
                VerdictState::Invalid,
                3,
            ),
            (
                "invalid though unjudged",
                Evidence { validity: Invalid, thresholds: 0, ..FINE },
                VerdictState::Invalid,
                3,
            ),
            (
                "allowed, failed",
                Evidence { validity: Invalid, trust: Trust::AllowInvalid, failed: 1, ..FINE },
                VerdictState::Failed,
                1,
            ),
            (
                "allowed, passed",
                Evidence { validity: Invalid, trust: Trust::AllowInvalid, ..FINE },
                VerdictState::Passed,
                0,
            ),
            (
                "interrupted before invalid",
                Evidence { interrupted: int, validity: Invalid, failed: 1, ..FINE },
                VerdictState::Interrupted,
                130,
            ),
            ("terminated", Evidence { interrupted: term, ..FINE }, VerdictState::Interrupted, 143),
            (
                "trouble and joined",
                Evidence { troubled: true, interrupted: term, ..FINE },
                VerdictState::Interrupted,
                143,
            ),
            (
                "unreachable before interrupted",
                Evidence {
                    joined: 0,
                    troubled: true,
                    interrupted: int,
                    validity: Invalid,
                    failed: 3,
                    ..FINE
                },
                VerdictState::Unreachable,
                4,
            ),
            (
                "interrupted before anybody could have joined",
                Evidence { joined: 0, interrupted: int, validity: Invalid, failed: 3, ..FINE },
                VerdictState::Interrupted,
                130,
            ),
            (
                "terminated before anybody could have joined",
                Evidence { joined: 0, interrupted: term, failed: 3, ..FINE },
                VerdictState::Interrupted,
                143,
            ),
            (
                "ended by a threshold that holds by now",
                Evidence { ended_early: Some(EarlyCause::Threshold), ..FINE },
                VerdictState::Failed,
                1,
            ),
            (
                "ended by a threshold, and not to be trusted",
                Evidence { ended_early: Some(EarlyCause::Threshold), validity: Invalid, ..FINE },
                VerdictState::Invalid,
                3,
            ),
            (
                "refused by the host, though invalid is allowed",
                Evidence {
                    ended_early: Some(EarlyCause::Unwelcome),
                    trust: Trust::AllowInvalid,
                    ..FINE
                },
                VerdictState::Invalid,
                3,
            ),
            (
                "broken, though invalid is allowed",
                Evidence {
                    ended_early: Some(EarlyCause::Failure),
                    trust: Trust::AllowInvalid,
                    ..FINE
                },
                VerdictState::Invalid,
                3,
            ),
            (
                "broken before anybody could join is not the server's doing",
                Evidence { joined: 0, ended_early: Some(EarlyCause::Failure), ..FINE },
                VerdictState::Invalid,
                3,
            ),
            (
                "interrupted, and broken in its drain",
                Evidence { interrupted: int, ended_early: Some(EarlyCause::Failure), ..FINE },
                VerdictState::Interrupted,
                130,
            ),
            (
                "nobody joined in a whole run, whatever the reason",
                Evidence { joined: 0, ..FINE },
                VerdictState::Unreachable,
                4,
            ),
        ];
        for (name, evidence, state, code) in table {
            let (decided, exit) = evidence.decide();
            assert_eq!((decided, exit.code()), (state, code), "{name}");
            assert_eq!(exit_after_writing(exit, true), exit, "{name}");
            assert_eq!(exit_after_writing(exit, false).code(), 5, "{name}");
        }
    }
}
