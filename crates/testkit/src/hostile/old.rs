//! The sound image as docker saved it from 1.10 to 24, and as it did before.

use barge_oci::Digest;
use serde_json::{Value, json};

use super::form::Form;
use super::image::{CREATED, TAG, config, content};
use super::tar::Member;

/// Members of the older forms, by their place.
pub(super) const BASE_LAYER: usize = 3;
pub(super) const TOP_LAYER: usize = 7;
pub(super) const CONFIG: usize = 8;
pub(super) const MANIFEST: usize = 9;

/// The documents of the older forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Old {
    BaseJson,
    TopJson,
    Config,
    ManifestJson,
    Repositories,
}

/// An image in an older form with documents changed; what refers to them follows.
pub(super) fn old_edited(form: Form, edit: impl Fn(Old, &mut Value)) -> Vec<Member> {
    old(form, |document, mut value| {
        edit(document, &mut value);
        value.to_string().into_bytes()
    })
}

/// An image in an older form with documents that may be no JSON; what refers to them follows.
pub(super) fn old_rewritten(form: Form, rewrite: impl Fn(Old, Vec<u8>) -> Vec<u8>) -> Vec<Member> {
    old(form, |document, value| rewrite(document, value.to_string().into_bytes()))
}

fn old(form: Form, write: impl Fn(Old, Value) -> Vec<u8>) -> Vec<Member> {
    let (base_id, top_id) = (id("base"), id("top"));
    let (base, top) = (content("base"), content("top"));
    let config = write(Old::Config, config("amd64", &[Digest::sha256(&base), Digest::sha256(&top)]));
    let config_name = format!("{}.json", Digest::sha256(&config).hex());
    let layers = [&base_id, &top_id].map(|id| format!("{id}/layer.tar"));
    let item = json!({"Config": config_name, "RepoTags": [TAG], "Layers": layers});
    let manifest_json = write(Old::ManifestJson, json!([item]));
    let repositories = write(Old::Repositories, json!({"good": {"1": top_id}}));
    let base_json = write(Old::BaseJson, old_json(&base_id, None));
    let top_json = write(Old::TopJson, old_json(&top_id, Some(&base_id)));

    let mut members = old_layer(&base_id, base_json, base);
    members.extend(old_layer(&top_id, top_json, top));
    if form == Form::Classic {
        members.push(Member::file(&config_name, config));
        members.push(Member::file("manifest.json", manifest_json));
    }
    members.push(Member::file("repositories", repositories));
    members
}

/// The members of one layer of the older forms.
pub(super) fn old_layer(id: &str, json: Vec<u8>, layer: Vec<u8>) -> Vec<Member> {
    vec![
        Member::folder(&format!("{id}/")),
        Member::file(&format!("{id}/VERSION"), "1.0"),
        Member::file(&format!("{id}/json"), json),
        Member::file(&format!("{id}/layer.tar"), layer),
    ]
}

/// What dockers before 1.10 wrote of a layer.
pub(super) fn old_json(id: &str, parent: Option<&str>) -> Value {
    let mut value = json!({
        "id": id,
        "created": CREATED,
        "container_config": {"Cmd": ["/bin/sh", "-c", "COPY file /"]},
        "config": {"Cmd": ["/file"]},
        "architecture": "amd64",
        "os": "linux",
    });
    if let Some(parent) = parent {
        value["parent"] = json!(parent);
    }
    value
}

/// The ID of a layer of the older forms.
pub(super) fn id(layer: &str) -> String {
    Digest::sha256(layer.as_bytes()).hex()
}
