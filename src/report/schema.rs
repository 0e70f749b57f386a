//! The published schema of `report.json`. It is made of the report's own fields and their comments; to make it
//! anew is the test's work, so that nobody who builds uproar compiles what that takes.

/// JSON Schema (2020-12) of a `report.json`, with a line for every field.
pub const SCHEMA: &str = include_str!("schema.json");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;

    /// `UPROAR_UPDATE_SCHEMA=1 cargo test report::schema` writes it.
    #[test]
    fn it_is_the_reports_own() {
        let made = format!("{:#}\n", schemars::schema_for!(Report).to_value());
        if std::env::var_os("UPROAR_UPDATE_SCHEMA").is_some() {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/schema.json");
            std::fs::write(file, &made).unwrap();
        } else {
            assert!(
                SCHEMA == made,
                "write it anew: UPROAR_UPDATE_SCHEMA=1 cargo test report::schema"
            );
        }
    }
}
