//! What the oracle cannot say: Go beyond 1.19, and where this crate chooses to differ from Go.

use barge_template::Template;
use serde_json::json;

fn run(text: &str) -> String {
    let data = json!({
        "Null": null,
        "N": 3,
        "Neg": -1,
        "F": false,
        "S": "hello",
        "J": "日本",
        "Labels": {"a": "1"},
        "Ints": [1, 2],
        "M": {"a": 1, "c": null},
        "Huge": u64::MAX,
    });
    match Template::parse(text) {
        Ok(template) => match template.execute(&data) {
            Ok(output) => output,
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    }
}

#[test]
fn range_over_integers_is_go_1_22() {
    assert_eq!(run("{{range 3}}{{.}}{{end}}"), "012");
    assert_eq!(run("{{range .N}}{{.}}{{else}}none{{end}}"), "012");
    assert_eq!(run("{{range $i := 3}}{{$i}}{{end}}"), "012");
    assert_eq!(run("{{range 0}}{{.}}{{else}}none{{end}}"), "none");
    assert_eq!(run("{{range .Neg}}{{.}}{{else}}none{{end}}"), "none");
    assert_eq!(run("{{range .N}}{{printf \"%T\" .}}{{break}}{{end}}"), "int64");
    assert_eq!(run("{{range index .S 0}}{{printf \"%T\" .}}{{break}}{{end}}"), "uint8");
    assert_eq!(
        run("{{range $i, $j := 3}}{{end}}"),
        r#"template: :1:18: executing "" at <3>: can't use 3 to iterate over more than one variable"#
    );
}

#[test]
fn else_with_is_go_1_23() {
    assert_eq!(run("{{with .F}}a{{else with .S}}{{.}}{{else}}c{{end}}"), "hello");
    assert_eq!(run("{{with .F}}a{{else with .F}}b{{else}}c{{end}}"), "c");
    assert_eq!(run("{{if .F}}{{else with .S}}{{end}}"), "template: :1: unexpected <with> in input");
}

#[test]
fn range_assigns_as_go_1_20_does() {
    assert_eq!(run("{{$x := 0}}{{range $x = .Ints}}{{$x}}{{end}} {{$x}}"), "12 2");
    assert_eq!(run("{{$i := 0}}{{$x := 0}}{{range $i, $x = .Ints}}{{end}}{{$i}} {{$x}}"), "1 2");
}

#[test]
fn null_stands_for_a_nil_slice_or_map() {
    assert_eq!(run("{{len .Null}}"), "0");
    assert_eq!(run("{{join .Null \",\"}}|"), "|");
    assert_eq!(run("{{index .Null \"k\"}}|"), "|");
    assert_eq!(run("{{index .M \"c\" \"d\"}}|"), "|");
    assert_eq!(
        run("{{index .Null 0}}"),
        r#"template: :1:2: executing "" at <index .Null 0>: error calling index: index of untyped nil"#
    );
    assert_eq!(
        run("{{.Null.Field}}"),
        r#"template: :1:7: executing "" at <.Null.Field>: nil pointer evaluating interface {}.Field"#
    );
}

#[test]
fn numbers_of_the_data_are_bounds() {
    assert_eq!(run("{{slice .S 0 .N}}"), "hel");
}

#[test]
fn strings_are_cut_between_characters() {
    assert_eq!(run("{{truncate .J 4}}"), "日\u{fffd}");
    assert_eq!(run("{{slice .J 1 3}}"), "\u{fffd}\u{fffd}");
    assert_eq!(run("{{\"\\xff\"}}"), "\u{fffd}");
}

#[test]
fn control_characters_in_json_are_go_1_22() {
    assert_eq!(run("{{json \"\\b\\f\\x01\"}}"), r#""\b\f\u0001""#);
}

#[test]
fn complex_numbers_and_pointers_are_not_supported() {
    assert_eq!(run("{{1+2i}}"), r#"template: :1: illegal number syntax: "1+2i""#);
    assert_eq!(run("{{2i}}"), r#"template: :1: illegal number syntax: "2i""#);
    assert_eq!(run("{{printf \"%p\" .Ints}}"), "%!p([]interface {}=[1 2])");
}

#[test]
fn a_template_can_be_filled_twice() {
    let template = Template::parse("{{.A}}").unwrap();
    assert_eq!(template.execute(&json!({"A": 1})).unwrap(), "1");
    assert_eq!(template.clone().execute(&json!({"A": 2})).unwrap(), "2");
}

#[test]
fn errors_know_their_line() {
    let error = Template::parse("a\nb{{foo}}").unwrap_err();
    assert_eq!(error.line(), 2);
    assert_eq!(error.to_string(), "template: :2: function \"foo\" not defined");
}
