//! `report.html` in Chromium: nothing is complained of, nothing is asked for from outside, values
//! are shown on hover, and a phone need not scroll sideways.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use uproar::report::Report;
use uproar::report::html::to_html;

use super::{html, samples};

/// Debian's name first.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// The browser's name, or a line on stderr and `None` where there is none.
fn chromium() -> Option<&'static str> {
    let runs = |name: &&str| {
        let said = Command::new(name).arg("--version").stderr(Stdio::null()).output();
        said.is_ok_and(|said| said.status.success())
    };
    let found = NAMES.into_iter().find(runs);
    if found.is_none() {
        let required = std::env::var("UPROAR_REQUIRE_TARGETS").is_ok_and(|set| set == "1");
        assert!(!required, "chromium: not installed (UPROAR_REQUIRE_TARGETS=1)");
        // Not eprintln!: of a test that passes nobody would see it.
        std::io::stderr().write_all(b"skipped: chromium: not installed\n").unwrap();
    }
    found
}

/// The page's elements after its script has run, and what the browser said meanwhile.
fn opened(chromium: &str, file: &Path) -> (String, String) {
    let profile = TempDir::new().unwrap();
    let said = assert_cmd::Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--enable-logging=stderr",
            "--window-size=1280,1000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(file)
        .timeout(std::time::Duration::from_secs(90))
        .output()
        .unwrap();
    let [out, err] =
        [said.stdout, said.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(said.status.success(), "{err}");
    (out, err)
}

/// A page that shows a report in a window of a phone's width, hovers the middle of its first chart,
/// and writes down what it finds.
fn on_a_phone(report: &Report) -> String {
    let html = to_html(report).replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<!DOCTYPE html><meta charset=utf-8><title>phone</title>
<iframe id=phone width=390 height=800 style='border:0' srcdoc=\"{html}\"></iframe>
<pre id=found></pre>
<script>
onload = () => {{
  const view = document.getElementById('phone').contentWindow;
  const page = view.document;
  const svg = page.querySelector('svg.chart');
  const box = svg.getBoundingClientRect();
  const at = {{ clientX: box.left + box.width / 2, clientY: box.top + 20, bubbles: true }};
  svg.dispatchEvent(new view.PointerEvent('pointermove', at));
  const tip = page.querySelector('.tip');
  const shown = tip.getBoundingClientRect();
  document.getElementById('found').textContent = JSON.stringify({{
    scroll: page.documentElement.scrollWidth,
    width: page.documentElement.clientWidth,
    font: view.getComputedStyle(page.querySelector('h1')).fontSize,
    tip: tip.hidden ? null : tip.textContent,
    inside: shown.left >= 0 && shown.right <= 390,
    charts: page.querySelectorAll('svg.chart').length,
  }});
}};
</script>
"
    )
}

#[test]
fn pages_open_without_complaint_or_request_and_show_values_on_a_phone() {
    let Some(chromium) = chromium() else { return };
    let folder = TempDir::new().unwrap();
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    outside.set_nonblocking(true).unwrap();
    let mut hostile = samples::hostile();
    let address = outside.local_addr().unwrap();
    let smuggled = format!(
        "\"'></title></style></script><img src=http://{address}/a onerror=fetch('http://{address}/b')>\
         <script>fetch('http://{address}/c')</script>"
    );
    hostile.scenario.name.clone_from(&smuggled);
    hostile.errors[0].example = smuggled.clone();
    hostile.series = html::full().series;
    hostile.series[3].phase = smuggled;
    let reports = [
        ("full", html::full()),
        ("hostile", hostile),
        ("empty", Report::default()),
        ("huge", samples::huge()),
    ];
    for (name, report) in reports {
        let file = folder.path().join(format!("{name}.html"));
        std::fs::write(&file, to_html(&report)).unwrap();
        let (page, said) = opened(chromium, &file);
        assert!(!said.contains("CONSOLE"), "{name}: {said}");
        // Made by the script: its digest in the policy is right.
        assert!(page.contains("class=\"tip\""), "{name}: {page}");
    }
    let refused = outside.accept().map_err(|error| error.kind());
    assert_eq!(refused.unwrap_err(), std::io::ErrorKind::WouldBlock, "nobody asked for anything");

    for (name, report) in [("full", html::full()), ("huge", samples::huge())] {
        let file = folder.path().join(format!("{name}-phone.html"));
        std::fs::write(&file, on_a_phone(&report)).unwrap();
        let (page, said) = opened(chromium, &file);
        assert!(!said.contains("CONSOLE"), "{name}: {said}");
        let found =
            page.split_once("<pre id=\"found\">").unwrap().1.split_once("</pre>").unwrap().0;
        let found: serde_json::Value = serde_json::from_str(found).unwrap();
        // A scrollbar takes its part of the 390.
        assert_eq!(found["scroll"], found["width"], "{name}: {found}");
        assert!(found["width"].as_u64().is_some_and(|width| width > 360), "{name}: {found}");
        assert_eq!(found["font"], "22px", "{name}: the style is in force: {found}");
        assert_eq!(found["inside"], true, "{name}: {found}");
        let tip = found["tip"].as_str().unwrap();
        assert!(tip.contains('\n'), "{name}: {tip}");
    }
}
