//! What is asked of the server itself: who it is, what it holds, what happens, and who somebody is elsewhere.

use std::sync::Arc;
use std::time::Duration;

use barge_core::content::Documents;
use barge_core::graph::read_config;
use barge_core::ops::{Filters, list, usage as add_up};
use barge_oci::{Document, Platform, Reference, media_type};
use barge_sources::registry::{Credential, Registry, Settings, host_of};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderName, PRAGMA};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::body::Content;
use crate::call::{Answer, Call};
use crate::events::Listener;
use crate::fault::{Fault, Result};
use crate::images::credentials;
use crate::service::{Phase, Service};
use crate::transfer::Pieces;
use crate::version::ApiVersion;
use crate::wire::{Sizes, summary};

/// The operating system as Go names it.
pub(crate) const OS: &str = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
/// The largest JSON body that is read.
const MAX_BODY: usize = 64 << 10;
/// How long a registry may say nothing to a mere question.
const PROMPT: Duration = Duration::from_secs(15);

/// Who answers, in headers.
pub(crate) fn ping() -> Answer {
    Answer::new("text/plain; charset=utf-8", Content::Whole(Bytes::from_static(b"OK")))
        .with(HeaderName::from_static("builder-version"), "2")
        .with(HeaderName::from_static("swarm"), "inactive")
        .with(CACHE_CONTROL, "no-cache, no-store, must-revalidate")
        .with(PRAGMA, "no-cache")
}

pub(crate) fn version(service: &Service) -> Result<Answer> {
    let (newest, oldest) = (ApiVersion::NEWEST.to_string(), ApiVersion::OLDEST.to_string());
    let architecture = Platform::host().architecture;
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    Answer::json(&json!({
        "Platform": {"Name": "barge"},
        "Components": [{
            // Clients show no other component whole.
            "Name": "Engine",
            "Version": service.version,
            "Details": {
                "ApiVersion": newest, "Arch": architecture, "BuildTime": "", "Experimental": "false",
                "GitCommit": "", "GoVersion": "", "KernelVersion": kernel, "MinAPIVersion": oldest, "Os": OS,
            },
        }],
        "Version": service.version,
        "ApiVersion": newest,
        "MinAPIVersion": oldest,
        "GitCommit": "",
        "GoVersion": "",
        "Os": OS,
        "Arch": architecture,
        "KernelVersion": kernel,
        "BuildTime": "",
    }))
}

pub(crate) async fn info(service: Arc<Service>) -> Result<Answer> {
    service
        .work(|service| {
            let mut images: Vec<_> = service.store().images()?.into_iter().map(|i| i.target.digest).collect();
            images.sort();
            images.dedup();
            let uname = rustix::system::uname();
            let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
            let mirrors: Vec<&String> = service.settings.mirrors.iter().map(|(_, url)| url).collect();
            Answer::json(&json!({
                "ID": text(uname.nodename()),
                "Containers": 0, "ContainersRunning": 0, "ContainersPaused": 0, "ContainersStopped": 0,
                "Images": images.len(),
                "Driver": "barge",
                // How clients know that an image's ID is the digest of its index or manifest.
                "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
                "Plugins": {"Volume": [], "Network": [], "Authorization": null, "Log": []},
                "SystemTime": jiff::Timestamp::now().to_string(),
                "KernelVersion": text(uname.release()),
                "OperatingSystem": text(uname.sysname()),
                "OSType": OS,
                "Architecture": text(uname.machine()),
                "IndexServerAddress": "https://index.docker.io/v1/",
                "RegistryConfig": {
                    "IndexConfigs": {
                        "docker.io": {"Mirrors": mirrors, "Name": "docker.io", "Official": true, "Secure": true},
                    },
                    "InsecureRegistryCIDRs": ["::1/128", "127.0.0.0/8"],
                    "Mirrors": mirrors,
                },
                "NCPU": std::thread::available_parallelism().map_or(1, usize::from),
                "MemTotal": memory(),
                "DockerRootDir": service.opened.root().to_string_lossy(),
                "HttpProxy": "", "HttpsProxy": "", "NoProxy": "",
                "Name": text(uname.nodename()),
                "Labels": [],
                "ExperimentalBuild": false,
                "ServerVersion": service.version,
                "Swarm": {"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": false, "Error": "", "RemoteManagers": null},
                "LiveRestoreEnabled": false,
                "SecurityOptions": [],
                "Warnings": ["barge keeps images and runs no containers"],
            }))
        })
        .await
}

#[cfg(target_os = "linux")]
fn memory() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram.saturating_mul(info.mem_unit.into())
}

#[cfg(not(target_os = "linux"))]
fn memory() -> u64 {
    0
}

/// Endless unless `until` ends it, or the server.
pub(crate) fn events(service: &Service, call: &Call) -> Result<Answer> {
    let mut listener = Listener::new(&service.events, &call.query, &call.headers, call.version)?;
    let content_type = listener.notation().content_type();
    let (sender, pieces) = Pieces::open();
    let mut phase = service.phase.clone();
    tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                event = listener.next() => event,
                () = sender.closed() => return,
                _ = phase.wait_for(|phase| *phase > Phase::Serving) => None,
            };
            let Some(event) = event else { break };
            if !sender.send(event).await {
                return;
            }
        }
        sender.finish();
    });
    Ok(Answer::new(content_type, Content::Stream(pieces, None)))
}

/// How the store's bytes are used. There are no containers, volumes and builds; who asks for them is told so.
pub(crate) async fn usage(service: Arc<Service>, call: Call) -> Result<Answer> {
    const TYPES: [&str; 4] = ["container", "image", "volume", "build-cache"];
    let (version, query) = (call.version, call.query);
    let types: Vec<&str> = if version < ApiVersion(1, 42) { Vec::new() } else { query.all("type").collect() };
    if let Some(unknown) = types.iter().find(|t| !TYPES.contains(t)) {
        return Err(Fault::bad(format!("unknown object type: {}", barge_core::error::printable(unknown))));
    }
    let wanted = TYPES.map(|t| types.is_empty() || types.contains(&t));
    let verbose = query.is_set("verbose");
    service.work(move |service| Answer::json(&used(service, wanted, verbose, version)?)).await
}

fn used(service: &Service, wanted: [bool; 4], verbose: bool, version: ApiVersion) -> Result<Value> {
    let [containers, images, volumes, builds] = wanted;
    let store = service.store();
    let usage = add_up(&store)?;
    let (listings, damaged) = list(&store, &Filters::default())?;
    damaged.iter().for_each(|error| tracing::warn!(%error, "an image cannot be read"));
    let sizes = Sizes::from(&usage);
    let items: Vec<Value> = listings
        .iter()
        .map(|listing| {
            // Containers were always counted for this, and descriptors always told.
            let mut item = summary(listing, None, Some(&sizes), version.max(ApiVersion(1, 51)));
            if let (true, Value::Object(item)) = (version < ApiVersion(1, 44), &mut item) {
                item.insert("VirtualSize".to_owned(), json!(listing.size));
            }
            item
        })
        .collect();
    let mut object = Map::new();
    let nothing = |wanted: bool| if wanted { json!([]) } else { Value::Null };
    if version < ApiVersion(1, 52) || !verbose {
        object.extend([
            ("LayersSize".to_owned(), json!(if images { usage.total } else { 0 })),
            ("Images".to_owned(), if images { json!(items) } else { Value::Null }),
            ("Containers".to_owned(), nothing(containers)),
            ("Volumes".to_owned(), nothing(volumes)),
            ("BuildCache".to_owned(), nothing(builds)),
        ]);
    }
    if version >= ApiVersion(1, 52) {
        let mut of_images = Map::from_iter([
            ("TotalCount".to_owned(), json!(items.len())),
            ("TotalSize".to_owned(), json!(usage.total)),
            ("Reclaimable".to_owned(), json!(usage.total)),
        ]);
        if verbose {
            of_images.insert("Items".to_owned(), json!(items));
        }
        let all = [
            ("ImageUsage", images, Value::Object(of_images)),
            ("ContainerUsage", containers, json!({})),
            ("VolumeUsage", volumes, json!({})),
            ("BuildCacheUsage", builds, json!({})),
        ];
        let wanted = all.into_iter().filter(|(_, wanted, _)| *wanted);
        object.extend(wanted.map(|(key, _, value)| (key.to_owned(), value)));
    }
    Ok(Value::Object(object))
}

/// For what somebody waits for at a prompt.
fn hurried(settings: &Settings) -> Settings {
    Settings {
        attempts: settings.attempts.min(2),
        patience: settings.patience.min(PROMPT),
        ..settings.clone()
    }
}

/// What `docker login` sends.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Login {
    username: String,
    password: String,
    serveraddress: String,
    identitytoken: String,
}

/// Whether a registry takes somebody's credentials. Nothing of them is kept.
pub(crate) async fn auth(service: Arc<Service>, call: Call) -> Result<Answer> {
    let body = call.small_body(MAX_BODY, service.idle).await?;
    // Where the mistake is, and nothing of what is there: it may be a password.
    let unreadable = |e: serde_json::Error| {
        Fault::bad(format!("invalid JSON at line {}, column {}", e.line(), e.column()))
    };
    let login: Login = serde_json::from_slice(&body).map_err(unreadable)?;
    let Login { username, password, serveraddress, identitytoken } = login;
    let credential = if identitytoken.is_empty() {
        Credential::Password { username, password }
    } else {
        Credential::IdentityToken(identitytoken)
    };
    let host = host_of(&serveraddress);
    if !Reference::parse(&format!("{host}/x")).is_ok_and(|name| name.domain() == host) {
        return Err(Fault::bad("the server's address is none of a registry"));
    }
    service
        .enquire(move |service| {
            let mut settings = hurried(&service.settings);
            settings.credentials.given = Some((host.clone(), credential));
            Registry::new(&host, Arc::new(settings))?.ping()?;
            Answer::json(&json!({"Status": "Login Succeeded", "IdentityToken": ""}))
        })
        .await
}

/// What a registry has under a name, without fetching more than documents.
pub(crate) async fn distribution(service: Arc<Service>, call: Call, name: String) -> Result<Answer> {
    service
        .enquire(move |service| {
            let name = Reference::parse(&name)?.or_latest();
            let settings = Arc::new(credentials(&hurried(&service.settings), &call.headers, name.domain()));
            let repository = Registry::new(name.domain(), settings)?.repository(name.path());
            let root = repository.resolve(&name)?;
            let missing = || Fault::new(StatusCode::NOT_FOUND, format!("{name}: manifest unknown"));
            let bytes = repository.document(&root)?.ok_or_else(missing)?;
            let unreadable = |e: barge_oci::InvalidDocument| Fault::bad(format!("{name}: {e}"));
            let platforms: Vec<Platform> = if media_type::is_index(&root.media_type) {
                let index = Document::index(bytes).map_err(unreadable)?;
                index.parsed().manifests.iter().filter_map(|m| m.platform.as_deref().cloned()).collect()
            } else {
                let manifest = Document::manifest(bytes).map_err(unreadable)?;
                let config =
                    manifest.parsed().is_image().then(|| read_config(&repository, manifest.parsed()));
                let config = config.transpose()?.flatten();
                config.map(|config| config.parsed().platform()).into_iter().collect()
            };
            let descriptor = json!({"mediaType": root.media_type, "digest": root.digest, "size": root.size});
            Answer::json(&json!({"Descriptor": descriptor, "Platforms": platforms}))
        })
        .await
}
