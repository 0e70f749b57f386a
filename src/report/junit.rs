//! `junit.xml`: what CI systems show as tests. Each threshold is one; so is the run itself, which
//! fails as an error where nothing could be judged.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::error::RenderError;
use super::escape::escape_line;
use super::sentence::{labelled, noted};
use super::{Report, ThresholdOutcome, VerdictState};

pub(crate) const JUNIT_FILE: &str = "junit.xml";

/// The test case that is the run itself.
const RUN: &str = "the run can be judged";
/// Characters of a name or a message, at most.
const TEXT: usize = 400;

type Xml = Writer<Vec<u8>>;

/// The report's own.
pub(super) fn to_junit(report: &Report) -> Result<String, RenderError> {
    let judged = report.thresholds.iter().map(|of| (case_name(of), judged(report, of)));
    let reasons = report.validity.reasons.iter().map(|reason| line(&labelled(reason)));
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
    let suite = Suite {
        name: report.scenario.name.clone(),
        began: report.run.started_at.clone(),
        lasted_s: report.run.duration_s,
        each_s: report.run.measured_s,
        properties: properties.to_vec(),
        cases: std::iter::once((RUN.to_owned(), run(report))).chain(judged).collect(),
        told: reasons.collect::<Vec<_>>().join("\n"),
    };
    suite.to_xml()
}

/// Test cases, as CI systems show them. Texts may hold anything.
pub(crate) struct Suite {
    /// What all of them belong to.
    pub(crate) name: String,
    /// RFC 3339.
    pub(crate) began: String,
    /// Seconds, of all and of each.
    pub(crate) lasted_s: f64,
    pub(crate) each_s: f64,
    pub(crate) properties: Vec<(&'static str, String)>,
    /// Names, and how each ended.
    pub(crate) cases: Vec<(String, Found)>,
    /// What stands beside them; may be empty.
    pub(crate) told: String,
}

impl Suite {
    /// The format is that of the JUnit task of Ant, as CI systems read it.
    pub(crate) fn to_xml(&self) -> Result<String, RenderError> {
        let mut xml = Writer::new_with_indent(Vec::new(), b' ', 4);
        self.write(&mut xml)?;
        // Only text was written.
        Ok(String::from_utf8_lossy(&xml.into_inner()).into_owned() + "\n")
    }

    fn write(&self, xml: &mut Xml) -> io::Result<()> {
        let cases = &self.cases;
        let ended =
            |how: How| cases.iter().filter(|(_, found)| found.how == how).count().to_string();
        let (all, skipped) = (cases.len().to_string(), ended(How::Skipped));
        let (failures, errors) = (ended(How::Failed), ended(How::Error));
        let (all, skipped, failures, errors) = (&*all, &*skipped, &*failures, &*errors);
        let lasted = seconds(self.lasted_s);
        let (name, began) = (line(&self.name), line(&self.began));
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
                self.write_properties(xml)?;
                for (case, found) in cases {
                    let time = seconds(self.each_s);
                    let attributes = [("name", &**case), ("classname", &name), ("time", &time)];
                    let case = xml.create_element("testcase").with_attributes(attributes);
                    found.write(case)?;
                }
                if !self.told.is_empty() {
                    let told = xml.create_element("system-out");
                    told.write_text_content(BytesText::new(&self.told))?;
                }
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(())
    }

    fn write_properties(&self, xml: &mut Xml) -> io::Result<()> {
        xml.create_element("properties").write_inner_content(|xml| {
            for (name, value) in &self.properties {
                let value = line(value);
                let attributes = [("name", *name), ("value", &value)];
                xml.create_element("property").with_attributes(attributes).write_empty()?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// How a test case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Passed,
    Skipped,
    Failed,
    Error,
}

/// The same, and why.
pub(crate) struct Found {
    pub(crate) how: How,
    pub(crate) message: String,
    /// What kind of failure it is.
    pub(crate) kind: String,
}

impl Found {
    pub(crate) fn passed() -> Self {
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
pub(crate) fn line(text: &str) -> String {
    escape_line(text, TEXT).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// A report that somebody wrote by hand may hold any number.
fn seconds(s: f64) -> String {
    format!("{:.3}", if (0.0..1e12).contains(&s) { s } else { 0.0 })
}
