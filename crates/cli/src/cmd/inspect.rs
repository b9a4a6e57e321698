//! `barge image inspect`

use barge_core::error::Error;
use barge_core::ops::inspect;
use barge_core::store::Store;
use barge_server::ApiVersion;
use barge_server::wire::{CONFIG_KEYS, ImageInspect};
use barge_template::Template;
use serde::Serialize;
use serde_json::{Map, Value};

use super::local::{self, Opened};
use super::{Failure, Outcome, engine, list, missing, platform, print};
use crate::args::{Engine, From, Inspect, Via};
use crate::render::template::{execute, parse};
use crate::usage::{Arity, check};

/// Docker's exit code for a template of `inspect` that cannot be parsed.
const TEMPLATE_ERROR: u8 = 64;

/// Prints what was found even if something else was not.
pub(crate) fn run(args: &Inspect, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::AtLeast(1), args.images.len(), typed)?;
    let platform = args.platform.as_deref().map(platform).transpose()?;
    let format = args.format.as_deref().filter(|f| !f.is_empty());
    let template = format.filter(|f| *f != "json").map(|f| parse(f, TEMPLATE_ERROR)).transpose()?;
    let output = Output { template, format };
    match (args.from, args.from.engine()) {
        // The daemon tells best what it has.
        (_, Some(Engine::Docker)) if args.engines.via != Via::Disk => {
            let engine = engine::docker(&args.engines)?;
            output.all(&args.images, Clone::clone, |image| engine.inspect(image, platform.as_ref()))
        }
        (From::Registry, _) => Err(list::no_list()),
        (_, None) => {
            let store = store()?;
            output.all(&args.images, for_template, |image| {
                let inspected = inspect(&store, &store.images()?, image, platform.as_ref())
                    .map_err(|error| missing::advise(error, &store))?;
                Ok(ImageInspect::new(inspected, ApiVersion::NEWEST))
            })
        }
        (_, Some(engine)) => match local::open(&args.engines, engine)? {
            Opened::Archives(engine) => {
                output.all(&args.images, Clone::clone, |image| engine.inspect(image, platform.as_ref()))
            }
            Opened::Blobs(blobs) => output.all(&args.images, for_template, |image| {
                Ok(ImageInspect::new(blobs.inspect(image, platform.as_ref())?, ApiVersion::NEWEST))
            }),
        },
    }
}

/// How what was found is printed.
struct Output<'a> {
    template: Option<Template>,
    format: Option<&'a str>,
}

impl Output<'_> {
    /// Prints all of `images` that are found, and then says which are not. `keys` is one as templates see it.
    fn all<T: Serialize>(
        &self,
        images: &[String],
        keys: impl Fn(&T) -> Map<String, Value>,
        look: impl Fn(&str) -> Result<T, Error>,
    ) -> Outcome {
        let (mut views, mut failed) = (Vec::new(), Vec::new());
        for image in images {
            match look(image) {
                Ok(found) => views.push(found),
                Err(error) => failed.push(error),
            }
        }
        match (&self.template, self.format) {
            (Some(template), _) => {
                for view in &views {
                    print(&(execute(template, &keys(view))? + "\n"))?;
                }
            }
            (None, Some(_)) => print(&(serde_json::to_string(&views).map_err(|e| unprintable(&e))? + "\n"))?,
            (None, None) => print(&pretty(&views)?)?,
        }
        if failed.is_empty() { Ok(()) } else { Err(missing::failure(failed)) }
    }
}

/// An array indented by four spaces, as docker prints it.
fn pretty(views: &[impl Serialize]) -> Result<String, Failure> {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    views.serialize(&mut serializer).map_err(|e| unprintable(&e))?;
    out.push(b'\n');
    String::from_utf8(out).map_err(|e| Failure::Text(e.to_string(), 1))
}

fn unprintable(error: &serde_json::Error) -> Failure {
    Failure::Text(error.to_string(), 1)
}

/// With every key of the config, so that templates may ask for what the image does not set.
fn for_template(view: &ImageInspect) -> Map<String, Value> {
    let mut object = match serde_json::to_value(view) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let config = object.entry("Config").or_insert(Value::Null);
    if config.is_null() {
        *config = Value::Object(Map::new());
    }
    if let Value::Object(config) = config {
        for key in CONFIG_KEYS {
            let unset = if matches!(key, "User" | "WorkingDir" | "StopSignal") {
                Value::from("")
            } else {
                Value::Null
            };
            config.entry(key).or_insert(unset);
        }
    }
    for key in ["Comment", "Created", "Author", "Variant", "OsVersion"] {
        object.entry(key).or_insert(Value::from(""));
    }
    object
}
