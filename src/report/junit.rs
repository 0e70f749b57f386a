//! `junit.xml`: what CI systems show as tests. Each threshold is one; so is the run itself, which
//! fails as an error where nothing could be judged.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::error::RenderError;
use super::escape::escape_line;
use super::sentence::{labelled, noted};
use super::{Report, ThresholdOutcome, VerdictState};

pub(super) const JUNIT_FILE: &str = "junit.xml";

/// The test case that is the run itself.
const RUN: &str = "the run can be judged";
/// Characters of a name or a message, at most.
const TEXT: usize = 400;

type Xml = Writer<Vec<u8>>;

/// The format is that of the JUnit task of Ant, as CI systems read it.
pub(super) fn to_junit(report: &Report) -> Result<String, RenderError> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 4);
    write(report, &mut xml)?;
    // Only text was written.
    Ok(String::from_utf8_lossy(&xml.into_inner()).into_owned() + "\n")
}

fn write(report: &Report, xml: &mut Xml) -> io::Result<()> {
    let judged = report.thresholds.iter().map(|of| (case_name(of), judged(report, of)));
    let cases: Vec<_> = std::iter::once((RUN.to_owned(), run(report))).chain(judged).collect();
    let ended = |how: How| cases.iter().filter(|(_, found)| found.how == how).count().to_string();
    let (all, skipped) = (cases.len().to_string(), ended(How::Skipped));
    let (failures, errors) = (ended(How::Failed), ended(How::Error));
    let (all, skipped, failures, errors) = (&*all, &*skipped, &*failures, &*errors);
    let lasted = seconds(report.run.duration_s);
    let (name, began) = (line(&report.scenario.name), line(&report.run.started_at));
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suites = xml.create_element("testsuites").with_attributes([
        ("name", "uproar"),
        ("tests", all),
        ("skipped", skipped),
        ("failures", failures),
        ("errors", errors),
        ("time", &lasted),
    ]);
    suites.write_inner_content(|xml| {
        let suite = xml.create_element("testsuite").with_attributes([
            ("name", &*name),
            ("tests", all),
            ("skipped", skipped),
            ("errors", errors),
            ("failures", failures),
            ("time", &lasted),
            ("timestamp", &began),
        ]);
        suite.write_inner_content(|xml| {
            properties(report, xml)?;
            for (case, found) in &cases {
                let time = seconds(report.run.measured_s);
                let attributes = [("name", &**case), ("classname", &name), ("time", &time)];
                let case = xml.create_element("testcase").with_attributes(attributes);
                found.write(case)?;
            }
            told(report, xml)
        })?;
        Ok(())
    })?;
    Ok(())
}

fn properties(report: &Report, xml: &mut Xml) -> io::Result<()> {
    let properties = [
        ("uproar", report.uproar.version.clone()),
        ("run", report.run.id.clone()),
        ("seed", report.seed.to_string()),
        ("target", report.target.url.clone()),
        ("protocol", report.target.protocol.clone()),
        ("verdict", report.verdict.state.word().to_owned()),
        ("validity", report.validity.state.name().to_owned()),
        ("exit_code", report.run.exit_code.to_string()),
    ];
    xml.create_element("properties").write_inner_content(|xml| {
        for (name, value) in properties {
            let value = line(&value);
            let attributes = [("name", name), ("value", &value)];
            xml.create_element("property").with_attributes(attributes).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

/// What speaks against the figures.
fn told(report: &Report, xml: &mut Xml) -> io::Result<()> {
    let reasons = report.validity.reasons.iter().map(|reason| line(&labelled(reason)));
    let reasons = reasons.collect::<Vec<_>>().join("\n");
    if !reasons.is_empty() {
        xml.create_element("system-out").write_text_content(BytesText::new(&reasons))?;
    }
    Ok(())
}

/// How a test case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Passed,
    Skipped,
    Failed,
    Error,
}

/// The same, and why.
struct Found {
    how: How,
    message: String,
    /// What kind of failure it is.
    kind: String,
}

impl Found {
    fn passed() -> Self {
        Self { how: How::Passed, message: String::new(), kind: String::new() }
    }

    fn write(&self, case: quick_xml::writer::ElementWriter<'_, Vec<u8>>) -> io::Result<()> {
        let tag = match self.how {
            How::Passed => return case.write_empty().map(|_| ()),
            How::Skipped => "skipped",
            How::Failed => "failure",
            How::Error => "error",
        };
        case.write_inner_content(|xml| {
            let mut why = xml.create_element(tag).with_attribute(("message", &*self.message));
            if !self.kind.is_empty() {
                why = why.with_attribute(("type", &*self.kind));
            }
            why.write_empty().map(|_| ())
        })?;
        Ok(())
    }
}

/// Whether thresholds decide anything of such a run.
fn is_judged(state: VerdictState) -> bool {
    matches!(state, VerdictState::Passed | VerdictState::Failed | VerdictState::Unjudged)
}

fn run(report: &Report) -> Found {
    let state = report.verdict.state;
    if is_judged(state) {
        return Found::passed();
    }
    let message = line(&format!("{} {}", state.word(), report.verdict.sentence));
    Found { how: How::Error, message, kind: state.word().to_lowercase() }
}

fn judged(report: &Report, threshold: &ThresholdOutcome) -> Found {
    let found = noted(threshold);
    if !is_judged(report.verdict.state) {
        // Green would say that it holds, and red that the server is at fault.
        let message = line(&format!("not judged: {found}"));
        Found { how: How::Skipped, message, kind: String::new() }
    } else if threshold.passed {
        Found::passed()
    } else {
        Found { how: How::Failed, message: line(&found), kind: "threshold".to_owned() }
    }
}

fn case_name(threshold: &ThresholdOutcome) -> String {
    line(&format!("{} {}", threshold.metric, threshold.condition))
}

/// On one line, without what XML can't hold.
fn line(text: &str) -> String {
    escape_line(text, TEXT).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// A report that somebody wrote by hand may hold any number.
fn seconds(s: f64) -> String {
    format!("{:.3}", if (0.0..1e12).contains(&s) { s } else { 0.0 })
}
