//! Which platforms this host can run, and which of them it likes best.

use barge_oci::Platform;

/// The platforms this host can run, best first, as containerd prefers them.
#[derive(Debug)]
pub struct HostPreference(Vec<Platform>);

impl HostPreference {
    /// For the machine this runs on.
    #[must_use]
    pub fn new() -> Self {
        let host = Platform::host();
        let with = |architecture: &str, variant: &str| Platform::new(&host.os, architecture, variant);
        let order = match host.architecture.as_str() {
            "amd64" => {
                let levels = (2..=amd64_level()).rev().map(|level| with("amd64", &format!("v{level}")));
                levels.chain([with("amd64", ""), with("386", "")]).collect()
            }
            "arm64" => {
                let arm = ["v8", "v7", "v6", "v5"].map(|v| with("arm", v));
                std::iter::once(with("arm64", "")).chain(arm).collect()
            }
            "arm" => ["v7", "v6", "v5"].map(|v| with("arm", v)).to_vec(),
            _ => vec![host],
        };
        Self(order)
    }

    /// Whether this host can run it.
    #[must_use]
    pub fn runs(&self, platform: Option<&Platform>) -> bool {
        self.rank(platform) < self.0.len()
    }

    /// 0 for the best; what cannot run here, or says no platform, comes last.
    #[must_use]
    pub fn rank(&self, platform: Option<&Platform>) -> usize {
        let Some(offered) = platform.map(Platform::normalized) else { return self.0.len() };
        let same = |p: &Platform| {
            p.os == offered.os && p.architecture == offered.architecture && p.variant == offered.variant
        };
        self.0.iter().position(same).unwrap_or(self.0.len())
    }
}

impl Default for HostPreference {
    fn default() -> Self {
        Self::new()
    }
}

/// The x86-64 level of this processor, 1 to 4.
#[cfg(target_arch = "x86_64")]
fn amd64_level() -> u32 {
    macro_rules! has {
        ($($feature:tt),+) => { $(std::arch::is_x86_feature_detected!($feature))&&+ };
    }
    if !has!("sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "cmpxchg16b") {
        1
    } else if !has!("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave") {
        2
    } else if !has!("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl") {
        3
    } else {
        4
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn amd64_level() -> u32 {
    1
}
