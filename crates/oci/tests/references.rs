//! The reference grammar against Go's own `distribution/reference`: `testdata/references/references.jsonl`
//! was produced by it, `testdata/references/regenerate.sh` makes it again.

use barge_oci::Reference;
use serde_json::Value;

const TABLE: &str = include_str!("../testdata/references/references.jsonl");

/// Names that Go shortens to what it reads as another host's are left as they are by design.
fn is_another_when_shortened(row: &Value) -> bool {
    let string = |key: &str| {
        row.pointer(&format!("/normalized/{key}")).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    Reference::parse(&string("familiar_string")).is_ok_and(|r| r.to_string() != string("string"))
}

/// Digests of algorithms that address no blob here are refused by design.
fn unsupported_here(input: &str) -> bool {
    input.contains("@sha384:")
}

#[test]
fn parses_what_go_parses_and_refuses_what_go_refuses() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for line in TABLE.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let input = row["input"].as_str().unwrap();
        if unsupported_here(input) {
            continue;
        }
        checked += 1;
        let as_go = !is_another_when_shortened(&row);
        let expected = &row["normalized"];
        let text = |key: &str| expected[key].as_str().map(str::to_owned);
        let ours = Reference::parse(input);
        let agrees = match &ours {
            Err(e) => text("error") == Some(e.to_string()),
            Ok(r) => {
                text("string") == Some(r.to_string())
                    && text("domain").as_deref() == Some(r.domain())
                    && text("path").as_deref() == Some(r.path())
                    && text("tag").as_deref() == r.tag()
                    && text("digest") == r.digest().map(ToString::to_string)
                    && (text("familiar_string") == Some(r.familiar())) == as_go
                    && (text("familiar_name") == Some(r.familiar_name())) == as_go
                    && text("tag_name_only") == Some(r.clone().or_latest().to_string())
            }
        };
        if !agrees {
            let ours = ours.map(|r| r.to_string()).map_err(|e| e.to_string());
            wrong.push(format!("{input:?}: ours {ours:?}, Go's {expected}"));
        }
    }
    assert!(checked > 400, "only {checked} rows");
    assert!(wrong.is_empty(), "{} of {checked} differ:\n{}", wrong.len(), wrong.join("\n"));
}
