//! Limits hold, and nothing panics.

use barge_template::{MAX_NESTING, MAX_TEXT, Template};
use fastrand::Rng;
use serde_json::{Value, json};

fn pick<'t>(random: &mut Rng, from: &[&'t str]) -> &'t str {
    random.choice(from).copied().unwrap_or_default()
}

fn data() -> Value {
    json!({"A": [1, "x", null, 2.5], "S": "héllo", "M": {"k": "v"}, "N": null, "I": -7, "T": true})
}

fn run(text: &str) -> Result<String, String> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    template.execute(&data()).map_err(|error| error.to_string())
}

fn fails_with(text: &str, message: &str) {
    let error = run(text).err().unwrap_or_default();
    assert!(error.contains(message), "{error}");
}

const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{{-",
    " -}}",
    " ",
    "\n",
    "(",
    ")",
    "|",
    ",",
    ":=",
    "=",
    ".",
    "$",
    "$x",
    ".A",
    ".S",
    ".M.k",
    ".N",
    ".I",
    ".T",
    "if ",
    "else",
    "end",
    "{{end}}",
    "range ",
    "with ",
    "define ",
    "template ",
    "block ",
    "break",
    "continue",
    "nil",
    "true",
    "\"s\"",
    "`r`",
    "'c'",
    "1",
    "-2",
    "3.5",
    "0x1p-2",
    "1e9",
    "99999999999999999999",
    "/*",
    "*/",
    "and ",
    "or ",
    "not ",
    "len ",
    "index ",
    "slice ",
    "print ",
    "printf ",
    "println ",
    "html ",
    "js ",
    "urlquery ",
    "call ",
    "eq ",
    "ne ",
    "lt ",
    "le ",
    "gt ",
    "ge ",
    "json ",
    "split ",
    "join ",
    "title ",
    "lower ",
    "upper ",
    "pad ",
    "truncate ",
    "\"%d %s %v\"",
    "\"%[2]*.[1]*f\"",
    "\"%-+# 010.3x\"",
    "é",
    "\u{0}",
    "\\",
    "\"",
    "'",
    "`",
    "%",
    "😀",
];

#[test]
fn random_templates_never_panic() {
    let random = &mut Rng::with_seed(0x2545_f491_4f6c_dd1d);
    for _ in 0..30_000 {
        let text: String = (0..random.usize(..24)).map(|_| pick(random, PIECES)).collect();
        let _ = run(&text);
        let _ = run(&format!("{{{{{text}}}}}"));
    }
}

#[test]
fn random_characters_never_panic() {
    let random = &mut Rng::with_seed(0x9e37_79b9_7f4a_7c15);
    for _ in 0..30_000 {
        let length = random.usize(..40);
        let text: String = (0..length)
            .filter_map(|_| {
                let code = match random.usize(..4) {
                    0 => random.usize(..0x11_0000),
                    _ => random.usize(..128),
                };
                char::from_u32(u32::try_from(code).ok()?)
            })
            .collect();
        let _ = run(&text);
        let _ = run(&format!("{{{{{text}}}}}"));
        let _ = run(&format!("{{{{printf {text:?} .S .I .A .M .T}}}}"));
    }
}

#[test]
fn random_verbs_never_panic() {
    const PARTS: &[&str] = &[
        "%", "#", "0", "+", "-", " ", "1", "20", "999", "1000001", ".", "*", "[1]", "[9]", "[", "]", "v",
        "d", "s", "q", "x", "X", "e", "f", "g", "G", "b", "o", "O", "c", "U", "t", "T", "p", "é", "%!",
    ];
    const ARGS: &[&str] =
        &[".A", ".S", ".M", ".N", ".I", ".T", "1", "1.5e300", "-3", "nil", "'x'", "1e-320", "-0.0"];
    let random = &mut Rng::with_seed(88_172_645_463_325_252);
    for _ in 0..30_000 {
        let format: String = (0..random.usize(..10)).map(|_| pick(random, PARTS)).collect();
        let args: Vec<&str> = (0..random.usize(..4)).map(|_| pick(random, ARGS)).collect();
        let _ = run(&format!("{{{{printf `{format}` {}}}}}", args.join(" ")));
    }
}

#[test]
fn long_texts_are_refused() {
    assert!(Template::parse(&"a".repeat(MAX_TEXT)).is_ok());
    fails_with(&"a".repeat(MAX_TEXT + 1), "template is longer than");
}

#[test]
fn deep_nesting_is_refused() {
    for (open, middle, close) in [
        ("{{if .T}}", "", "{{end}}"),
        ("{{with .T}}", "", "{{end}}"),
        ("{{range .A}}", "", "{{end}}"),
        ("{{block \"b\" .}}", "", "{{end}}"),
        ("{{if .N}}{{else}}", "", "{{end}}"),
    ] {
        let nested = |depth: usize| [open.repeat(depth), middle.into(), close.repeat(depth)].concat();
        if !open.contains("block") {
            assert_eq!(Template::parse(&nested(MAX_NESTING)).map(|_| ()), Ok(()));
        }
        fails_with(&nested(MAX_NESTING + 1), "nesting is deeper than");
        fails_with(&nested(20_000), "nesting is deeper than");
        fails_with(&open.repeat(20_000), "nesting is deeper than");
    }
    fails_with(&format!("{{{{{}1", "(".repeat(20_000)), "nesting is deeper than");
    let chain = "{{else if .N}}".repeat(20_000);
    fails_with(&format!("{{{{if .N}}}}{chain}{{{{end}}}}"), "nesting is deeper than");
}

#[test]
fn long_flat_templates_are_fine() {
    let fields = ".M".repeat(50_000);
    assert!(Template::parse(&format!("{{{{{fields}}}}}")).is_ok());
    let pipeline = " | print".repeat(50_000);
    assert_eq!(run(&format!("{{{{1{pipeline}}}}}")).unwrap(), "1");
    let actions = "{{.S}}".repeat(50_000);
    assert_eq!(run(&actions).unwrap().len(), 6 * 50_000);
}

#[test]
fn endless_recursion_is_stopped() {
    fails_with(
        "{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}",
        "exceeded maximum template depth (300)",
    );
    let parens = ["(".repeat(90), "1".to_owned(), ")".repeat(90)].concat();
    let body = format!("{{{{if .T}}}}{{{{print {parens}}}}}{{{{template \"x\" .}}}}{{{{end}}}}");
    fails_with(
        &format!("{{{{define \"x\"}}}}{body}{{{{end}}}}{{{{template \"x\" .}}}}"),
        "exceeded maximum template depth (300)",
    );
    fails_with(
        "{{define \"x\"}}{{range .A}}{{with $}}{{template \"x\" .}}{{end}}{{end}}{{end}}{{template \"x\" .}}",
        "exceeded maximum template depth (300)",
    );
    // Both at their deepest: calls inside as many parentheses as a template may have.
    let calls = ["(print ".repeat(99), "1".to_owned(), ")".repeat(99)].concat();
    assert_eq!(run(&format!("{{{{{calls}}}}}")).unwrap(), "1");
}

#[test]
fn branching_recursion_is_stopped() {
    fails_with(
        "{{define \"x\"}}{{if .}}{{template \"x\" (slice . 1)}}{{template \"x\" (slice . 1)}}{{end}}{{end}}\
         {{template \"x\" \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}",
        "exceeded maximum number of steps",
    );
}

#[test]
fn endless_loops_are_stopped() {
    fails_with("{{range 9223372036854775807}}{{end}}", "exceeded maximum number of steps");
    fails_with("{{range 5000}}{{range 5000}}{{end}}{{end}}", "exceeded maximum number of steps");
}

#[test]
fn long_outputs_are_stopped() {
    fails_with("{{range 100}}{{printf \"%1000000d\" 1}}{{end}}", "output is longer than");
    fails_with("{{$s := \"ab\"}}{{range 60}}{{$s = print $s $s}}{{end}}", "functions made more than");
    fails_with("{{pad .S 9223372036854775807 0}}", "functions made more than");
    let many = "{{$s := \"aa\"}}{{range 20}}{{$s = print $s $s}}{{end}}";
    for bomb in [
        "{{join (split $s \"\") $s}}",
        "{{split $s \"\" | json | html | split $s}}{{range 99}}{{split $s \"a\" | len}}{{end}}",
    ] {
        fails_with(&[many, bomb].concat(), "functions made more than");
    }
}
