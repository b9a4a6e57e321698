//! Fuzzing: every target of `fuzz/`, from its seeds and, where they are at hand, the archives of the shared corpus.

use std::num::NonZero;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use barge_testkit::shared;

use crate::{root, run};

/// Targets that read archives, and so have the shared corpus for seeds.
const READ_ARCHIVES: [&str; 3] = ["archive", "decompress", "tar"];
/// Targets that start something for every input, and how few inputs are many then.
const SLOW: [(&str, u32); 4] = [("api", 3_000), ("archive", 3_000), ("registry", 300), ("seekable", 300)];
const FAST: u32 = 20_000;
const SANITIZER: &str = "--sanitizer";

/// How long each target is fuzzed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Seconds(u32),
    /// A fixed number of inputs, as many as take some seconds.
    Few,
}

/// Fuzzes `targets`, or all, as many at a time as there are processors. The sanitizers are an unstable flag of the compiler
/// that is pinned.
pub(crate) fn run(until: Until, targets: &[&str]) -> Result<()> {
    let all = targets_of(&root().join("fuzz/fuzz_targets"))?;
    let unknown = targets.iter().find(|t| !all.iter().any(|known| known == *t));
    ensure!(unknown.is_none(), "{}: no target; there are {}", unknown.unwrap_or(&""), all.join(", "));
    let chosen = all.iter().filter(|t| targets.is_empty() || targets.contains(&t.as_str()));
    run::program(
        Path::new("env"),
        &["RUSTC_BOOTSTRAP=1", "cargo", "fuzz", "build", SANITIZER, sanitizer(until)],
    )?;
    let next = Mutex::new(chosen);
    let worker = || -> Result<()> {
        loop {
            let target = next.lock().map_err(|_| anyhow!("another target failed"))?.next();
            let Some(target) = target else { return Ok(()) };
            println!("{}", fuzz(target, until)?);
        }
    };
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a worker panicked"))?)
    })
}

/// Fuzzes one target.
///
/// # Returns
/// What it did, in a line.
fn fuzz(target: &str, until: Until) -> Result<String> {
    let limit = match until {
        Until::Seconds(seconds) => format!("-max_total_time={seconds}"),
        Until::Few => {
            let runs = SLOW.iter().find(|(slow, _)| *slow == target).map_or(FAST, |(_, runs)| *runs);
            format!("-runs={runs}")
        }
    };
    let corpus = format!("fuzz/corpus/{target}");
    std::fs::create_dir_all(root().join(&corpus)).with_context(|| corpus.clone())?;
    let mut seeds = vec![corpus, format!("fuzz/seeds/{target}")];
    if READ_ARCHIVES.contains(&target) {
        seeds.extend(shared("corpus").map(|folder| folder.display().to_string()));
    }
    seeds.retain(|folder| root().join(folder).exists());
    let mut words = vec!["RUSTC_BOOTSTRAP=1", "cargo", "fuzz", "run", SANITIZER, sanitizer(until), target];
    words.extend(seeds.iter().map(String::as_str));
    words.extend(["--", &limit, "-timeout=30", "-rss_limit_mb=2048", "-max_len=65536", "-verbosity=0"]);
    words.push("-print_final_stats=1");
    let start = Instant::now();
    let said = run::diagnostics(Path::new("env"), &words)?;
    let stats = said.lines().filter_map(|line| line.strip_prefix("stat::"));
    let stats: Vec<String> =
        stats.map(|stat| stat.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    ensure!(!stats.is_empty(), "{target} did not say what it did: {said}");
    Ok(format!("{target}: {}; {}s", stats.join(", "), start.elapsed().as_secs()))
}

/// What looks for misused memory takes most of the time to build, and what is built here forbids itself to misuse it.
fn sanitizer(until: Until) -> &'static str {
    match until {
        Until::Seconds(_) => "address",
        Until::Few => "none",
    }
}

fn targets_of(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
