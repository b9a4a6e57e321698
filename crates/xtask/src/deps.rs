//! Dependencies point down: each crate of the workspace may use only those below it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Who may use whom, for what is shipped; the lowest first. Development crates may use everything.
const BELOW: [(&str, &[&str]); 6] = [
    ("barge-oci", &[]),
    ("barge-template", &[]),
    ("barge-core", &["barge-oci"]),
    ("barge-sources", &["barge-core", "barge-oci"]),
    ("barge-server", &["barge-core", "barge-oci", "barge-sources"]),
    ("barge-cli", &["barge-core", "barge-oci", "barge-server", "barge-sources", "barge-template"]),
];

/// Fails if a crate uses one that is not below it, or uses a development crate.
pub(crate) fn check() -> Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let metadata =
        super::run::output(Path::new(&cargo), &["metadata", "--no-deps", "--format-version", "1"])?;
    let metadata: Value = serde_json::from_slice(&metadata)?;
    let wrong = violations(&metadata)?;
    ensure!(wrong.is_empty(), "dependencies that do not point down:\n{}", wrong.join("\n"));
    Ok(())
}

fn violations(metadata: &Value) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let packages =
        metadata.get("packages").and_then(Value::as_array).context("cargo metadata lists no packages")?;
    let name = |value: &Value| value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let inside: Vec<String> = packages.iter().map(name).collect();
    for (user, below) in BELOW {
        let package =
            packages.iter().find(|p| name(p) == user).with_context(|| format!("no package {user}"))?;
        let dependencies = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        for dependency in dependencies.filter(|d| d.get("kind").is_none_or(Value::is_null)) {
            let used = name(dependency);
            if inside.contains(&used) && !below.contains(&used.as_str()) {
                wrong.push(format!("{user} uses {used}"));
            }
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_workspace_points_down() {
        check().unwrap();
    }

    #[test]
    fn an_upward_dependency_is_found() {
        let package = |name: &str, uses: &[&str]| {
            let uses: Vec<Value> = uses.iter().map(|u| json!({"name": u, "kind": null})).collect();
            json!({"name": name, "dependencies": uses})
        };
        let metadata = json!({"packages": [
            package("barge-oci", &["barge-core"]), package("barge-template", &[]),
            package("barge-core", &["barge-oci"]), package("barge-sources", &["barge-cli"]),
            package("barge-server", &["barge-sources"]),
            package("barge-cli", &["barge-testkit"]), package("barge-testkit", &[]),
        ]});
        assert_eq!(
            violations(&metadata).unwrap(),
            ["barge-oci uses barge-core", "barge-sources uses barge-cli", "barge-cli uses barge-testkit"]
        );
    }
}
