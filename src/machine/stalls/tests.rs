//! Real neighbours, threads and servers: whose their time is said to be. Shares, never lengths: the
//! machine that runs this is busy, and how long a thread waits is the scheduler's.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::*;
use crate::machine::clock::{Clock, micros};
use crate::machine::cores;

/// How long somebody has a core to itself, again and again until a probe waited for it.
const STRETCH: Duration = Duration::from_millis(100);

/// Past it a probe never was late, which is a failure.
const MOST: Duration = Duration::from_secs(60);

/// Lateness that is enough to speak of shares, in microseconds.
const ENOUGH_US: u64 = 40_000;

/// They would be each other's neighbours.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn last_core() -> usize {
    *cores::allowed().unwrap().last().unwrap()
}

/// Killed and waited for, whatever becomes of the test.
struct Running(Child);

impl Running {
    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spinning_on(core: usize) -> Running {
    let mut command = Command::new("sh");
    command.args(["-c", "while :; do :; done"]);
    #[expect(unsafe_code, reason = "the child has to be on its core before it runs")]
    // SAFETY: it makes one system call, and allocates nothing.
    let command = unsafe {
        command.pre_exec(move || {
            cores::keep_to(&[core]);
            Ok(())
        })
    };
    Running(command.spawn().unwrap())
}

fn clock() -> Clock {
    Clock::starting_at(Instant::now())
}

/// Runs `stretch` under a probe of `core` until the probe was late for long enough.
fn probed(core: usize, watched: &Arc<Watched>, mut stretch: impl FnMut()) -> Stalls {
    let began = Instant::now();
    let mut sum = Stalls::default();
    loop {
        let probe = Probe::start(&[core], clock(), Arc::clone(watched));
        stretch();
        let found = probe.finish();
        assert_eq!(found.probed.len(), 1);
        for (layer, of) in found.by_layer.iter() {
            let into = match layer {
                Some(Layer::Uproar) => &mut sum.by_layer.uproar,
                Some(Layer::Server) => &mut sum.by_layer.server,
                Some(Layer::ThisMachine) => &mut sum.by_layer.this_machine,
                Some(Layer::Hypervisor) => &mut sum.by_layer.hypervisor,
                None => &mut sum.by_layer.unknown,
            };
            into.sum_us += of.sum_us;
            into.count += of.count;
        }
        sum.stalls.extend(found.stalls);
        if sum.by_layer.iter().map(|(_, of)| of.sum_us).sum::<u64>() >= ENOUGH_US {
            return sum;
        }
        assert!(began.elapsed() < MOST, "{sum:?}");
    }
}

fn share(stalls: &Stalls, layer: Layer) -> f64 {
    let all: u64 = stalls.by_layer.iter().map(|(_, of)| of.sum_us).sum();
    stalls.by_layer.of(Some(layer)).sum_us as f64 / all as f64
}

/// How much of its core somebody had, beside all else that runs there.
#[derive(Debug, Default)]
struct Had {
    cpu_us: u64,
    passed_us: u64,
}

impl Had {
    fn stretch(&mut self, used_us: impl Fn() -> u64) {
        let (began, before_us) = (Instant::now(), used_us());
        std::thread::sleep(STRETCH);
        self.cpu_us += used_us() - before_us;
        self.passed_us += micros(began.elapsed());
    }

    /// The share of the waits that must be its own. Who has the core by a higher priority than tests
    /// may have makes a probe wait all the time, and who has the same not even half of it.
    fn least(&self) -> f64 {
        0.2 * self.cpu_us as f64 / self.passed_us as f64
    }
}

#[test]
fn a_neighbour_s_time_is_this_machine_s() {
    let _alone = alone();
    let core = last_core();
    let _spinning: Vec<Running> = (0..4).map(|_| spinning_on(core)).collect();
    let found = probed(core, &Watched::new(&[]), || std::thread::sleep(STRETCH));
    // The rest is below this kernel, which a noisy host has much of.
    assert!(share(&found, Layer::ThisMachine) > 0.6, "{:?}", found.by_layer);
    // The thread that names neighbours is uproar's.
    assert!(share(&found, Layer::Uproar) < 0.1, "{:?}", found.by_layer);
    assert_eq!(found.by_layer.server.sum_us, 0);
    let causes = found.stalls.iter().filter_map(|stall| stall.cause.as_deref());
    let named = causes.filter(|cause| cause.starts_with("most CPU meanwhile: ")).count();
    assert!(named > 0, "{:?}", found.stalls);
}

/// Threads that spin on a core until the answer is dropped, known as uproar's own or not.
fn own_threads_on(core: usize, watched: &Arc<Watched>) -> impl Drop + use<> {
    struct Spinning(Arc<AtomicBool>, Vec<std::thread::JoinHandle<()>>);
    impl Drop for Spinning {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
            for thread in self.1.drain(..) {
                let _ = thread.join();
            }
        }
    }
    let ended = Arc::new(AtomicBool::new(false));
    let threads = (0..4).map(|_| {
        let (ended, watched) = (Arc::clone(&ended), Arc::clone(watched));
        std::thread::spawn(move || {
            let _registered = watched.register();
            cores::keep_to(&[core]);
            while !ended.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        })
    });
    let threads = threads.collect();
    Spinning(ended, threads)
}

#[test]
fn a_long_turn_of_uproar_s_own_is_uproar_s() {
    let _alone = alone();
    let core = last_core();
    let watched = Watched::new(&[]);
    let _spinning = own_threads_on(core, &watched);
    let mut had = Had::default();
    let found = probed(core, &watched, || {
        let used_us = || watched.own().filter_map(|(_, id)| clocks::of_thread(id)).sum();
        had.stretch(used_us);
    });
    assert!(share(&found, Layer::Uproar) > had.least(), "{had:?} {:?}", found.by_layer);
}

#[test]
fn a_server_that_shares_the_core_is_not_excused() {
    let _alone = alone();
    let core = last_core();
    let server = spinning_on(core);
    let watched = Watched::new(&[core]);
    watched.watch_server(server.0.id());
    let mut had = Had::default();
    let found = probed(core, &watched, || {
        had.stretch(|| clocks::of_process(server.0.id()).unwrap());
    });
    assert!(share(&found, Layer::Server) > had.least(), "{had:?} {:?}", found.by_layer);
}

fn wait_until_stopped(pid: Pid) {
    waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
}

#[test]
fn a_stopped_server_is_the_server_s_stall_of_that_length() {
    let _alone = alone();
    let core = last_core();
    let mut command = Command::new("sleep");
    let server = Running(command.arg("600").spawn().unwrap());
    let watched = Watched::new(&[]);
    let clock = clock();
    let probe = Probe::start(&[core], clock, Arc::clone(&watched));
    let beats = probe.beats();
    let until_a_beat_after = |at_us: u64| {
        let began = Instant::now();
        while beats.stale(core, at_us + beats.period_us() + 1_001) {
            assert!(began.elapsed() < MOST);
            std::thread::yield_now();
        }
        clock.now_us()
    };
    watched.watch_server(server.0.id());
    until_a_beat_after(clock.now_us());
    let before_us = clock.now_us();
    kill(server.pid(), Signal::SIGSTOP).unwrap();
    wait_until_stopped(server.pid());
    let stopped_us = clock.now_us();
    let seen_us = until_a_beat_after(stopped_us);
    std::thread::sleep(Duration::from_millis(30));
    let resumed_us = clock.now_us();
    kill(server.pid(), Signal::SIGCONT).unwrap();
    let woken_us = clock.now_us();
    let over_us = until_a_beat_after(woken_us);
    let found = probe.finish();
    let frozen: Vec<&Stall> =
        found.stalls.iter().filter(|stall| stall.cause.as_deref() == Some("stopped")).collect();
    let [stall] = frozen[..] else { panic!("{:?}", found.stalls) };
    assert_eq!((stall.layer, stall.core), (Some(Layer::Server), None));
    // It began with the first beat that saw it, and ended with the first that did not.
    assert!((before_us..=seen_us).contains(&stall.start_us), "{stall:?} {before_us} {seen_us}");
    assert!((resumed_us..=over_us).contains(&stall.end_us()), "{stall:?} {resumed_us} {over_us}");
    assert!(found.by_layer.server.sum_us >= stall.length_us);
    assert!(found.by_layer.server.longest_us >= stall.length_us);
}

#[test]
fn a_server_that_is_still_stopped_at_the_end_is_told_too() {
    let _alone = alone();
    let mut command = Command::new("sleep");
    let server = Running(command.arg("600").spawn().unwrap());
    kill(server.pid(), Signal::SIGSTOP).unwrap();
    wait_until_stopped(server.pid());
    let watched = Watched::new(&[]);
    watched.watch_server(server.0.id());
    let clock = clock();
    let probe = Probe::start(&[last_core()], clock, watched);
    let beats = probe.beats();
    let began = Instant::now();
    while beats.last_end_us(Some(Layer::Server)) == 0 {
        assert!(began.elapsed() < MOST);
        std::thread::yield_now();
    }
    let found = probe.finish();
    assert!(found.by_layer.server.sum_us >= STALL_US, "{:?}", found.by_layer);
}

#[test]
fn probes_beat_on_every_core_and_say_what_they_cost() {
    let _alone = alone();
    let cores = cores::allowed().unwrap();
    let clock = clock();
    let probe = Probe::start(&[&cores[..], &cores[..]].concat(), clock, Watched::new(&[]));
    let beats = probe.beats();
    let start_us = clock.now_us();
    let began = Instant::now();
    let after_us = start_us + beats.period_us() + 1_001 + 20_000;
    while cores.iter().any(|core| beats.stale(*core, after_us)) {
        assert!(began.elapsed() < MOST);
        std::thread::yield_now();
    }
    let found = probe.finish();
    let probed: Vec<usize> = found.probed.iter().map(|probed| probed.core).collect();
    assert_eq!(probed, cores);
    let took_us = clock.now_us() - start_us;
    for core in &found.probed {
        assert!((10_000..=took_us + 20_000).contains(&core.probed_us), "{core:?} of {took_us}");
    }
    assert!(found.cpu_us > 0 && found.cpu_us < took_us * cores.len() as u64, "{}", found.cpu_us);
    assert!(cores.iter().all(|core| !beats.stale(*core, u64::MAX)), "an ended probe is not late");
    assert_eq!(found.by_layer.unknown.sum_us, 0, "this kernel keeps accounts");
}

#[test]
fn dropped_probes_end() {
    let _alone = alone();
    let watched = Watched::new(&[]);
    drop(Probe::start(&[last_core()], clock(), Arc::clone(&watched)));
    assert_eq!(Arc::strong_count(&watched), 1, "no thread holds it any more");
    let none = Probe::start(&[], clock(), watched).finish();
    assert_eq!((none.probed.len(), none.probed_us()), (0, 0));
}
