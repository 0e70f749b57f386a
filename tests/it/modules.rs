//! Holds the order of the modules: each may use only those before it. Within a module no files import each
//! other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first; modules of one layer may use each other only where it says so.
const LAYERS: [&[&str]; 16] = [
    &["units", "metric", "machine", "secrets"],
    &["stamp", "gate", "search"],
    &["codec"],
    &["protocol"],
    &["scenario"],
    &["plan"],
    &["measure"],
    &["client"],
    &["worker", "watch"],
    &["coordinator"],
    &["report"],
    &["compare"],
    &["capacity"],
    &["ready"],
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

/// Uses of one file by another, within a folder: a file counts for all that lies beneath it.
type Uses = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_files_import_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&root);
    let paths: BTreeSet<Vec<String>> = files.iter().map(|file| module_path(&root, file)).collect();
    let mut by_folder: BTreeMap<Vec<String>, Uses> = BTreeMap::new();
    let mut seen = 0;
    for file in &files {
        let own = module_path(&root, file);
        if own.iter().any(|name| name == "tests") {
            continue;
        }
        let text = fs::read_to_string(file).unwrap();
        for used in paths_in(without_tests(&text), &own) {
            let common = own.iter().zip(&used).take_while(|(a, b)| a == b).count();
            // What a module itself holds is above its files, and no file beside them.
            let (Some(mine), Some(theirs)) = (own.get(common), used.get(common)) else { continue };
            let folder = own[..common].to_vec();
            if !paths.contains(&[&folder[..], std::slice::from_ref(theirs)].concat()) {
                continue;
            }
            seen += 1;
            let uses = by_folder.entry(folder).or_default();
            uses.entry(mine.clone()).or_default().insert(theirs.clone());
        }
    }
    assert!(seen > 500, "only {seen} uses were found: the test looks in the wrong place");
    let mut circles = BTreeSet::new();
    for (folder, uses) in &by_folder {
        for file in uses.keys() {
            let circle: Vec<String> = reached(uses, file)
                .into_iter()
                .filter(|other| reached(uses, other).contains(file))
                .map(|name| [&folder[..], &[name]].concat().join("::"))
                .collect();
            if !circle.is_empty() {
                circles.insert(circle.join(" <-> "));
            }
        }
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

/// All that a file uses, and what that uses, and so on.
fn reached(uses: &Uses, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(file) = next.pop() {
        for used in uses.get(&file).into_iter().flatten() {
            if reached.insert(used.clone()) {
                next.push(used.clone());
            }
        }
    }
    reached
}

fn module_path(root: &Path, file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(root).unwrap().with_extension("");
    let names = inside.iter().map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name != "mod" && name != "lib").collect()
}

/// Tests stand at the end, and may look at anything.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

/// Every path that begins at the crate, at this module or above it.
fn paths_in(text: &str, own: &[String]) -> BTreeSet<Vec<String>> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let mut paths = BTreeSet::new();
    for start in ["crate", "self", "super"] {
        for (at, _) in code.match_indices(&format!("{start}::")) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            spread(&code[at..], Vec::new(), &mut |path| paths.extend(resolved(&path, own)));
        }
    }
    paths
}

/// Gives each path of `a::b::{c, d::e}`; what is left of the text.
fn spread<'a>(text: &'a str, before: Vec<String>, give: &mut impl FnMut(Vec<String>)) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        while !rest.trim_start().starts_with('}') && !rest.is_empty() {
            rest = spread(rest, before.clone(), give).trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        return rest.trim_start().strip_prefix('}').unwrap_or(rest);
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return text.get(1..).unwrap_or_default();
    }
    let path = [before, vec![name.to_owned()]].concat();
    match rest.strip_prefix("::") {
        Some(rest) => spread(rest, path, give),
        None => {
            give(path);
            // A name given to it here.
            let renamed = rest
                .strip_prefix(" as ")
                .map(|name| name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'));
            renamed.unwrap_or(rest)
        }
    }
}

/// From the crate's root on.
fn resolved(path: &[String], own: &[String]) -> Option<Vec<String>> {
    let mut from = own.to_vec();
    let mut names = path.iter().map(String::as_str).peekable();
    match names.next()? {
        "crate" => from.clear(),
        "super" => drop(from.pop()?),
        _ => {}
    }
    while names.next_if_eq(&"super").is_some() {
        from.pop()?;
    }
    from.extend(names.map(str::to_owned));
    Some(from)
}
