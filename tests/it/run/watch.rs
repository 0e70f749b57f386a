//! The server's own figures: what its processes used and told, and that a failed run names what was full.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::path::Path;
use std::thread;

use uproar::machine::cpu::process_stat;
use uproar::report::Report;

use super::support::{Served, folder_with, say};

/// People in rooms of five who say something ten times a second, for three seconds.
fn scenario(target: &str, more: &str) -> String {
    format!(
        r#"format = 1
name = "watched"
[target]
{target}
[rooms.lobby]
size = 5
[[cohort]]
name = "people"
clients = 20
join = {{ rooms = "lobby" }}
publish = {{ rate = "10/s" }}
[[phase]]
name = "talk"
duration = "3s"
{more}
"#
    )
}

fn report(folder: &Path) -> Report {
    let text = std::fs::read_to_string(folder.join("out/report.json")).unwrap();
    uproar::report::json::from_json(&text).unwrap()
}

/// Its CPU time is what the kernel says that it used, whoever asks.
#[cfg(target_os = "linux")]
#[test]
fn a_server_is_found_by_its_port_and_its_figures_are_the_kernel_s() {
    let folder = folder_with("");
    let served = Served::start(folder.path(), &[]);
    let target = format!("url = {:?}\nprotocol = \"rooms\"", served.url);
    let limits = "[thresholds]\n\"target.rss.max\" = \"< 4GiB\"\n\"target.cpu.mean\" = \"< 99%\"\n\
                  \"target.open_files.max\" = \"> 20\"";
    std::fs::write(folder.path().join("scenario.toml"), scenario(&target, limits)).unwrap();
    let pid = served.child.id();
    let before_us = process_stat(pid).unwrap().cpu_us;
    let watch = format!("port={}", served.port());
    let fixed = ["run", "scenario.toml", "--out", "out", "--allow-invalid", "--watch", &watch];
    let said = say(folder.path(), &fixed);
    let used_us = process_stat(pid).unwrap().cpu_us - before_us;
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    let report = report(folder.path());
    let resources = report.resources.unwrap();
    assert!(resources.what.contains(&format!("process {pid} (")), "{}", resources.what);
    let seen_s: f64 = resources
        .points
        .iter()
        .filter_map(|point| Some(point.cpu_share? * point.cores? * point.width_s))
        .sum();
    // The kernel's own count is in ticks of 10 ms; a part of the ramp and the end may be missing.
    let used_s = used_us as f64 / 1e6;
    assert!(seen_s > 0.0 && seen_s <= used_s + 0.03, "{seen_s} s of {used_s} s");
    let figure = |name: &str| resources.figures[name];
    let peak = process_stat(pid).unwrap().rss_peak_bytes as f64;
    assert!(figure("rss.max").unwrap() <= peak && figure("rss.max").unwrap() > 1e6);
    assert!(figure("cpu_per_delivery").unwrap() > 0.0);
    // 20 clients, a listener, and what a runtime has.
    assert!((21.0..100.0).contains(&figure("open_files.max").unwrap()));
    assert_eq!(figure("throttled.max").unwrap_or(0.0), 0.0);
}

#[test]
fn a_stopped_server_is_named_with_its_second() {
    let more = "[[fault]]\nat = \"1s\"\nkind = \"freeze\"\nduration = \"800ms\"\n[thresholds]\n\
                \"delivery.p99\" = \"< 400ms\"\n";
    let folder = folder_with(&scenario("builtin = \"rooms\"", more));
    let said = say(folder.path(), &["run", "scenario.toml", "--out", "out", "--allow-invalid"]);
    assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
    let report = report(folder.path());
    let sentence = &report.verdict.sentence;
    if cfg!(target_os = "linux") {
        assert!(
            sentence.contains("first over at 1 s, when the server stood still for"),
            "{sentence}"
        );
        assert!(sentence.contains("stopped by a signal"), "{sentence}");
        let points = report.resources.unwrap().points;
        let longest = points.iter().filter_map(|point| point.still.as_ref());
        let longest = longest.max_by(|a, b| a.length_s.total_cmp(&b.length_s)).unwrap();
        // Ten glances a second: the ends are told to a tenth.
        assert!((0.6..1.2).contains(&longest.length_s), "{longest:?}");
        assert!((0.8..1.3).contains(&longest.at_s), "{longest:?}");
    }
}

/// Answers every scrape with a counter that is 5 higher than the last time, and a gauge.
fn page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut told = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 2_048];
            if stream.read(&mut request).unwrap_or(0) == 0 {
                continue;
            }
            told += 5;
            let body = format!("# TYPE jobs counter\njobs{{of=\"a\"}} {told}\nlag_seconds 0.25\n");
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            // Whoever went away again asks anew.
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
            let _ = stream.shutdown(Shutdown::Write);
        }
    });
    url
}

#[test]
fn what_the_server_tells_is_in_the_report_and_can_be_judged() {
    let watch = format!(
        "builtin = \"rooms\"\nwatch = {{ metrics = [{{ url = {:?}, take = [\"jobs\", \"lag_seconds\"] }}] }}",
        page()
    );
    let limits = "[thresholds]\n\"target.lag_seconds\" = \"< 0.2\"\n\"target.jobs.mean\" = \"> 0\"";
    let folder = folder_with(&scenario(&watch, limits));
    let said = say(folder.path(), &["run", "scenario.toml", "--out", "out", "--allow-invalid"]);
    assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
    let report = report(folder.path());
    let sentence = &report.verdict.sentence;
    assert!(sentence.contains("target.lag_seconds was 0.25, limit 0.2"), "{sentence}");
    let resources = report.resources.unwrap();
    // Asked once a second, 5 more each time.
    let jobs = resources.figures["jobs.mean"].unwrap();
    assert!((2.0..10.0).contains(&jobs), "{jobs}");
    assert_eq!(resources.figures["lag_seconds.max"], Some(0.25));
}

#[cfg(target_os = "linux")]
#[test]
fn who_is_not_there_can_t_be_watched() {
    let folder = folder_with("");
    let served = Served::start(folder.path(), &[]);
    let target = format!("url = {:?}\nprotocol = \"rooms\"", served.url);
    std::fs::write(folder.path().join("scenario.toml"), scenario(&target, "")).unwrap();
    // Bound and not listened on: nobody else gets it meanwhile.
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = socket.local_addr().unwrap().port();
    drop(socket);
    for (watch, told) in [
        (format!("port={free}"), "nobody listens on port"),
        ("pid=2147483647".to_owned(), "there is no process 2147483647"),
        ("metrics=http://127.0.0.1:9/metrics".to_owned(), "the page of metrics"),
        ("metrics=https://127.0.0.1/metrics".to_owned(), "by http only"),
        ("color=red".to_owned(), "unknown key `color`"),
        ("port".to_owned(), "--watch"),
    ] {
        let said = say(folder.path(), &["run", "scenario.toml", "--out", "out", "--watch", &watch]);
        assert_eq!(said.code, Some(2), "{watch}: {}", said.stderr);
        assert!(said.stderr.contains(told), "{watch}: {}", said.stderr);
        assert!(!folder.path().join("out/report.json").exists());
    }
}
