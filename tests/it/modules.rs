//! Holds the order of the modules: each may use only those before it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first; modules of one layer may use each other only where it says so.
const LAYERS: [&[&str]; 14] = [
    &["units", "metric", "machine", "secrets"],
    &["stamp", "gate"],
    &["codec"],
    &["protocol"],
    &["scenario"],
    &["plan"],
    &["measure"],
    &["client"],
    &["worker"],
    &["coordinator"],
    &["report"],
    &["compare"],
    &["server"],
    &["cli"],
];

/// The reference server is a peer, not a part of the generator: it knows only how messages look.
const SERVER_USES: [&str; 3] = ["units", "codec", "protocol"];

#[test]
fn dependencies_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let layer: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(layer, modules)| modules.iter().map(move |module| (*module, layer)))
        .collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in rust_files(&root) {
        let inside = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let module = inside.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        if module == "main" || module == "lib" {
            continue;
        }
        let own = *layer.get(module.as_str()).unwrap_or_else(|| panic!("{module} has no layer"));
        let text = fs::read_to_string(&file).unwrap();
        for used in uses(&text) {
            seen += 1;
            let theirs = *layer.get(used.as_str()).unwrap_or_else(|| panic!("{inside}: {used}?"));
            let allowed = match module.as_str() {
                _ if used == module => true,
                "server" => SERVER_USES.contains(&used.as_str()),
                _ => theirs < own && (used != "server" || module == "cli"),
            };
            if !allowed {
                wrong.push(format!("{inside} uses crate::{used}"));
            }
        }
    }
    assert!(seen > 100, "only {seen} uses were found: the test looks in the wrong place");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Every `crate::name` in code; comments may name what they like.
fn uses(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| {
        line.match_indices("crate::")
            .map(|(at, found)| {
                let rest = &line[at + found.len()..];
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                rest[..end.unwrap_or(rest.len())].to_owned()
            })
            .filter(|name| !name.is_empty())
            .collect::<Vec<_>>()
    })
    .collect()
}
