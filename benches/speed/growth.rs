//! How what uproar costs grows with what it is asked: clients, rooms, the size of rooms, payloads, and
//! the length of a run. One thing grows at a time, and the messages a second stay what they are.

use std::fmt::Write as _;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uproar::machine::cpu::process_stat;

use crate::Failure;
use crate::figures::Middle;
use crate::load::{Server, report_in, run_command};
use crate::process::{Core, Running};
use crate::table::figure;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Runs of each point; the figure is their median
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Draws the tables into this file, as SVG
    #[arg(long)]
    plot: Option<std::path::PathBuf>,
    /// What cargo gives every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// One thing that grows.
struct Axis {
    name: &'static str,
    unit: &'static str,
    values: &'static [u32],
    /// What a message is: a delivery, unless only one hears it.
    shape: fn(u32) -> Shape,
}

/// A run, at one value of it.
struct Shape {
    clients: u32,
    /// Members of each room; none for an echo.
    room: Option<u32>,
    /// Messages a second of all together.
    publishes_per_s: f64,
    payload_bytes: u32,
    /// The length of the steady phase.
    seconds: f64,
}

const USUAL_S: f64 = 8.0;

/// The beginning of the steady phase, in which the last may still be connecting.
const SKIPPED_S: f64 = 1.0;

const AXES: &[Axis] = &[
    Axis {
        name: "clients",
        unit: "in rooms of 20, 10,000 deliveries/s",
        values: &[100, 1_000, 5_000, 10_000, 19_000],
        shape: |clients| Shape {
            clients,
            room: Some(20),
            publishes_per_s: 500.0,
            payload_bytes: 128,
            seconds: USUAL_S,
        },
    },
    Axis {
        name: "rooms",
        unit: "of 2 each, 4,000 deliveries/s",
        values: &[1, 10, 100, 1_000, 5_000],
        shape: |rooms| Shape {
            clients: 2 * rooms,
            room: Some(2),
            publishes_per_s: 2_000.0,
            payload_bytes: 128,
            seconds: USUAL_S,
        },
    },
    Axis {
        name: "members of each room",
        unit: "5,000 clients in all, 10,000 deliveries/s",
        values: &[2, 20, 200, 1_000, 5_000],
        shape: |members| Shape {
            clients: 5_000,
            room: Some(members),
            publishes_per_s: 10_000.0 / f64::from(members),
            payload_bytes: 128,
            seconds: USUAL_S,
        },
    },
    Axis {
        name: "bytes of payload",
        unit: "100 clients, echo, 1,000 messages/s",
        values: &[64, 512, 4_096, 16_384, 65_536],
        shape: |payload_bytes| Shape {
            clients: 100,
            room: None,
            publishes_per_s: 1_000.0,
            payload_bytes,
            seconds: USUAL_S,
        },
    },
    Axis {
        name: "seconds",
        unit: "100 clients, echo, 5,000 messages/s",
        values: &[5, 15, 30, 60, 120],
        shape: |seconds| Shape {
            clients: 100,
            room: None,
            publishes_per_s: 5_000.0,
            payload_bytes: 64,
            seconds: f64::from(seconds),
        },
    },
];

/// What one value of an axis came to.
struct Point {
    value: u32,
    /// CPU a message, microseconds.
    cpu_us: Middle,
    /// The most that was ever resident, KiB.
    peak_kib: Middle,
    /// The same a client.
    client_kib: f64,
}

pub fn measure(args: &Args) -> Result<(), Failure> {
    println!("| grows | to | CPU a message | most memory | a client |");
    println!("| --- | --- | --- | --- | --- |");
    let mut curves = Vec::new();
    for axis in AXES {
        let mut points = Vec::new();
        for value in axis.values {
            let point = point(axis, *value, args.repeats.max(1))?;
            let Point { cpu_us, peak_kib, client_kib, .. } = &point;
            println!(
                "| {} ({}) | {value} | {} us ({} to {}) | {} MiB | {} KiB |",
                axis.name,
                axis.unit,
                figure(cpu_us.median),
                figure(cpu_us.least),
                figure(cpu_us.most),
                figure(peak_kib.median / 1024.0),
                figure(*client_kib)
            );
            points.push(point);
        }
        curves.push((axis, points));
    }
    match &args.plot {
        Some(file) => Ok(std::fs::write(file, plot(&curves))?),
        None => Ok(()),
    }
}

fn point(axis: &Axis, value: u32, repeats: usize) -> Result<Point, Failure> {
    let shape = (axis.shape)(value);
    let (mut costs, mut peaks) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        let ran = run(&shape)?;
        costs.push(ran.cpu_us / ran.messages);
        peaks.push(ran.peak_kib);
    }
    let middle = |figures: Vec<f64>| Middle::of(figures).ok_or("nothing was measured");
    let (cpu_us, peak_kib) = (middle(costs)?, middle(peaks)?);
    let client_kib = peak_kib.median / f64::from(shape.clients);
    Ok(Point { value, cpu_us, peak_kib, client_kib })
}

struct Ran {
    cpu_us: f64,
    messages: f64,
    peak_kib: f64,
}

/// What a run took in its steady phase. Not the difference of two runs: where clients are many, what
/// their connecting takes differs by more than the messages do.
fn run(shape: &Shape) -> Result<Ran, Failure> {
    let folder = tempfile::tempdir()?;
    let server = if shape.room.is_some() { Server::Rooms } else { Server::Echo };
    let serving = server.start()?;
    let file = folder.path().join("growth.toml");
    std::fs::write(&file, scenario(shape))?;
    let command = run_command(&file, server.protocol(), &serving.at, folder.path());
    let client = Running::start(command, Core::Client)?;
    let mut peak_kib = 0.0_f64;
    // The wall clock, and the CPU time taken by then.
    let mut taken = Vec::new();
    while !client.has_ended()? {
        // Until it ends it says itself what the most was.
        if let Some(stat) = process_stat(client.pid()) {
            peak_kib = peak_kib.max(stat.rss_peak_bytes as f64 / 1024.0);
            let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3;
            taken.push((unix_ms, stat.cpu_us as f64));
        }
        sleep(Duration::from_millis(20));
    }
    client.wait()?;
    serving.end()?;
    let report = report_in(folder.path())?;
    let (first_s, end_s) = (ramp_s(shape) + SKIPPED_S, ramp_s(shape) + shape.seconds);
    let cpu_us_at = |unix_ms: f64| {
        let next = taken.iter().find(|(then_ms, _)| *then_ms >= unix_ms);
        next.map(|(_, cpu_us)| *cpu_us).ok_or("it ended before its time")
    };
    let (mut cpu_us, mut messages) = (0.0, 0.0);
    for row in &report.series {
        if row.t_s < first_s || row.t_s + row.width_s > end_s {
            continue;
        }
        let from_ms = row.unix_ms as f64;
        cpu_us += cpu_us_at(from_ms + row.width_s * 1e3)? - cpu_us_at(from_ms)?;
        messages += row.deliveries as f64;
    }
    if messages == 0.0 {
        return Err("nothing was delivered".into());
    }
    Ok(Ran { cpu_us, messages, peak_kib })
}

/// A second of connecting for each 2,000 clients, at no rate.
fn ramp_s(shape: &Shape) -> f64 {
    f64::from(shape.clients).max(2_000.0) / 2_000.0
}

fn scenario(shape: &Shape) -> String {
    let Shape { clients, room, publishes_per_s, payload_bytes, seconds } = shape;
    let (builtin, rooms, join) = match room {
        Some(size) => {
            ("rooms", format!("[rooms.hall]\nsize = {size}\n"), "join = { rooms = \"hall\" }\n")
        }
        None => ("echo", String::new(), ""),
    };
    let ramp_s = ramp_s(shape);
    format!(
        "format = 1\nname = \"growth\"\n[target]\nbuiltin = \"{builtin}\"\nconnect_timeout = \"20s\"\n\
         join_timeout = \"20s\"\n{rooms}[[cohort]]\nname = \"people\"\nclients = {clients}\n{join}\
         [cohort.publish]\ntotal_rate = \"{publishes_per_s}/s\"\narrivals = \"constant\"\nsize = \"{payload_bytes}B\"\n\
         [[phase]]\nname = \"ramp\"\nduration = \"{ramp_s}s\"\nclients = \"0% -> 100%\"\nrate = \"0%\"\n\
         measure = false\n[[phase]]\nname = \"steady\"\nduration = \"{seconds}s\"\n"
    )
}

/// A small chart for each axis, both scales logarithmic: a cost that grows as its cause does is a line
/// as steep as the diagonal of the grid's squares.
fn plot(curves: &[(&Axis, Vec<Point>)]) -> String {
    const WIDTH: f64 = 300.0;
    const HEIGHT: f64 = 220.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        WIDTH * curves.len() as f64,
        2.0 * HEIGHT
    );
    for (column, (axis, points)) in curves.iter().enumerate() {
        let cpu: Vec<f64> = points.iter().map(|point| point.cpu_us.median).collect();
        let memory: Vec<f64> = points.iter().map(|point| point.peak_kib.median / 1024.0).collect();
        for (row, (title, costs)) in
            [("us CPU a message", cpu), ("MiB in all", memory)].into_iter().enumerate()
        {
            let corner = (WIDTH * column as f64, HEIGHT * row as f64);
            let values: Vec<f64> = points.iter().map(|point| f64::from(point.value)).collect();
            chart(&mut svg, corner, (WIDTH, HEIGHT), (axis.name, title), (&values, &costs));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn chart(
    svg: &mut String,
    (left, top): (f64, f64),
    (width, height): (f64, f64),
    (across, up): (&str, &str),
    (values, costs): (&[f64], &[f64]),
) {
    let decades = |of: &[f64]| {
        let least = of.iter().copied().fold(f64::INFINITY, f64::min).log10().floor();
        let most = of.iter().copied().fold(f64::NEG_INFINITY, f64::max).log10().ceil();
        (least, most.max(least + 1.0))
    };
    let ((x0, x1), (y0, y1)) = (decades(values), decades(costs));
    let (x, y, w, h) = (left + 45.0, top + 25.0, width - 65.0, height - 65.0);
    let at_x = |value: f64| x + (value.log10() - x0) / (x1 - x0) * w;
    let at_y = |value: f64| y + h - (value.log10() - y0) / (y1 - y0) * h;
    // Writing into a `String` can't fail.
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{}\">{up}</text>", top + 15.0);
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{across}</text>",
        x + w,
        y + h + 32.0
    );
    for decade in x0 as i32..=x1 as i32 {
        let (value, line) = (10_f64.powi(decade), "stroke=\"#ddd\"");
        let px = at_x(value);
        let _ = writeln!(
            svg,
            "<path d=\"M{px:.1} {y:.1}V{:.1}\" {line}/><text x=\"{px:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{value}</text>",
            y + h,
            y + h + 15.0
        );
    }
    for decade in y0 as i32..=y1 as i32 {
        let (value, line) = (10_f64.powi(decade), "stroke=\"#ddd\"");
        let py = at_y(value);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {py:.1}H{:.1}\" {line}/><text x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\">{value}</text>",
            x + w,
            x - 5.0,
            py + 4.0
        );
    }
    let points: Vec<String> = values
        .iter()
        .zip(costs)
        .map(|(value, cost)| format!("{:.1},{:.1}", at_x(*value), at_y(*cost)))
        .collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#2563eb\" stroke-width=\"2\"/>",
        points.join(" ")
    );
    for point in &points {
        let (px, py) = point.split_once(',').unwrap_or_default();
        let _ = writeln!(svg, "<circle cx=\"{px}\" cy=\"{py}\" r=\"3\" fill=\"#2563eb\"/>");
    }
}
