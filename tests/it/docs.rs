//! What the documentation says of the tests is so: every test it names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names of all functions in the Rust files below a folder.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            names.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
            names.extend(text.split("fn ").skip(1).map(|after| {
                after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
            }));
        }
    }
}

#[test]
fn every_test_that_holds_a_figure_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    for folder in ["src", "tests"] {
        functions(&root.join(folder), &mut known);
    }
    let text = fs::read_to_string(root.join("docs/measuring.md")).unwrap();
    let quoted = text.split('`').skip(1).step_by(2);
    let named: Vec<_> = quoted.filter(|name| name.contains("::") && !name.contains(' ')).collect();
    assert!(named.len() > 100, "{named:?}");
    let is_unknown = |name: &&&str| !known.contains(name.rsplit("::").next().unwrap());
    let unknown: Vec<_> = named.iter().filter(is_unknown).collect();
    assert!(unknown.is_empty(), "no such tests: {unknown:#?}");
}
