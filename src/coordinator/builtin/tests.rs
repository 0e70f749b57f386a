//! What becomes of a child, with a script in the server's place.

use super::*;

/// The script.
pub(in crate::coordinator) fn stand_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/coordinator/builtin/stand_in.sh")
}

impl BuiltinServer {
    /// As if earlier children had used so much of the processor.
    pub(in crate::coordinator) fn has_used(&mut self, cpu: Duration) {
        let cpu_us = cpu.as_micros() as u64;
        self.before = Some(ProcessStat { cpu_us, rss_bytes: 0, rss_peak_bytes: 0 });
    }
}

/// What a stand-in ends with in order: a file that it leaves behind.
pub(in crate::coordinator) async fn leaves(file: &Path) -> BuiltinServer {
    let arguments = ["leaves".to_owned(), file.to_str().unwrap().to_owned()];
    BuiltinServer::start(&stand_in(), &arguments).await.unwrap()
}

async fn started(how: &str) -> io::Result<BuiltinServer> {
    BuiltinServer::start(&stand_in(), &[how.to_owned()]).await
}

pub(in crate::coordinator) fn pid(server: &BuiltinServer) -> u32 {
    server.running.as_ref().and_then(|running| running.child.id()).unwrap()
}

/// Waits for something that the system does in its own time.
pub(in crate::coordinator) async fn comes<T>(mut what: impl FnMut() -> Option<T>) -> T {
    for _ in 0..2_000 {
        if let Some(there) = what() {
            return there;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came");
}

#[tokio::test]
async fn it_listens_until_it_is_stopped_and_where_it_was_when_started_again() {
    let mut server = started("").await.unwrap();
    let address = server.address();
    assert!(address.ip().is_loopback() && address.port() > 0, "{address}");
    assert_eq!(server.ended(), None);
    let first = pid(&server);
    server.stop().await;
    // Asked to, so nothing is told of it.
    assert!(server.running.is_none() && server.ended().is_none());
    server.start_again().await.unwrap();
    assert_eq!(server.address(), address);
    assert_ne!(pid(&server), first);
    server.kill().await;
    assert!(server.running.is_none() && server.ended().is_none());
    // Of one that is gone both say nothing.
    server.kill().await;
    server.stop().await;
}

#[tokio::test]
async fn one_that_ends_by_itself_says_how() {
    let mut server = started("dies").await.unwrap();
    let how = comes(|| server.ended()).await;
    assert!(how.contains("exit status: 3"), "{how}");
}

#[tokio::test]
async fn one_that_does_not_come_up_is_an_error_that_says_why() {
    let table = [
        ("ends", "it ended at once (exit status: 7)"),
        ("garbage", "its first line is not an address: hello"),
    ];
    for (how, said) in table {
        assert_eq!(started(how).await.unwrap_err().to_string(), said);
    }
    let missing = BuiltinServer::start(Path::new("/nowhere/uproar"), &[]).await;
    assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_frozen_one_stands_still_until_it_goes_on() {
    let mut server = started("").await.unwrap();
    let stat = format!("/proc/{}/stat", pid(&server));
    let is = |state: &str| {
        let text = std::fs::read_to_string(&stat).unwrap_or_default();
        text.contains(&format!(") {state} ")).then_some(())
    };
    server.freeze().unwrap();
    comes(|| is("T")).await;
    server.resume().unwrap();
    comes(|| is("S")).await;
    server.stop().await;
    for done in [server.freeze(), server.resume()] {
        assert_eq!(done.unwrap_err().to_string(), "it is not running");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn figures_are_of_all_its_children() {
    let mut server = started("").await.unwrap();
    let first = server.stat().unwrap();
    assert!(first.rss_peak_bytes > 0 && first.rss_peak_bytes >= first.rss_bytes);
    server.stop().await;
    let gone = server.stat().unwrap();
    assert_eq!(gone.rss_bytes, 0);
    assert!(gone.rss_peak_bytes >= first.rss_peak_bytes && gone.cpu_us >= first.cpu_us);
    // As if the first had used a second and much memory.
    let before = ProcessStat { cpu_us: 1_000_000, rss_bytes: 0, rss_peak_bytes: 1 << 40 };
    server.before = Some(before);
    assert_eq!(server.stat(), Some(before));
    server.start_again().await.unwrap();
    let both = server.stat().unwrap();
    assert!((1_000_000..2_000_000).contains(&both.cpu_us), "{both:?}");
    assert!(both.rss_bytes > 0 && both.rss_bytes < 1 << 40, "{both:?}");
    assert_eq!(both.rss_peak_bytes, 1 << 40);
    server.kill().await;
    let after = server.stat().unwrap();
    assert!((1_000_000..2_000_000).contains(&after.cpu_us) && after.rss_bytes == 0, "{after:?}");
    assert_eq!(after.rss_peak_bytes, 1 << 40);
}

/// Figures of a child that is gone are those it had last.
#[tokio::test]
async fn what_children_used_is_added_up_and_the_largest_memory_is_kept() {
    let stat =
        |cpu_us, rss_bytes, rss_peak_bytes| ProcessStat { cpu_us, rss_bytes, rss_peak_bytes };
    let mut server = started("dies").await.unwrap();
    let next = async |server: &mut BuiltinServer, last: ProcessStat| {
        comes(|| server.ended()).await;
        server.running.as_mut().unwrap().last = Some(last);
        let seen = server.stat();
        server.stop().await;
        let left = server.stat();
        server.start_again().await.unwrap();
        (seen, left)
    };
    let first = next(&mut server, stat(700, 5, 70)).await;
    assert_eq!(first, (Some(stat(700, 5, 70)), Some(stat(700, 0, 70))));
    let second = next(&mut server, stat(40, 6, 60)).await;
    assert_eq!(second, (Some(stat(740, 6, 70)), Some(stat(740, 0, 70))));
    let third = next(&mut server, stat(1, 80, 90)).await;
    assert_eq!(third, (Some(stat(741, 80, 90)), Some(stat(741, 0, 90))));
}

#[tokio::test]
async fn stopped_it_ends_in_order_and_killed_it_does_not() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| place.path().join(name);
    let mut server = leaves(&file("stopped")).await;
    server.stop().await;
    assert!(file("stopped").exists());
    let mut server = leaves(&file("killed")).await;
    server.kill().await;
    assert!(!file("killed").exists());
}
