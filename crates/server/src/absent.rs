//! What Docker's Engine API has and barge does not. It must not be 404: to docker's command line that means that there is no such
//! image, and `docker run` then pulls one from a registry over the one that is here.

/// The first part of a path, and what is said of everything below it.
const ABSENT: [(&[&str], &str); 4] = [
    (&["containers", "exec", "commit"], "barge keeps images and runs no containers"),
    (&["build", "session", "grpc"], "barge keeps images and builds none"),
    (&["volumes", "networks", "plugins"], "barge keeps images and has no volumes, networks or plugins"),
    (
        &["swarm", "nodes", "services", "tasks", "secrets", "configs"],
        "barge keeps images and is no part of a swarm",
    ),
];

/// What is said instead of an answer, if the path is one of Docker's.
pub(crate) fn words(path: &str) -> Option<&'static str> {
    let mut parts = path.trim_start_matches('/').split('/');
    let first = parts.next()?;
    let is_version =
        first.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let first = if is_version { parts.next()? } else { first };
    if first == "images" && parts.next() == Some("search") {
        return Some("barge keeps images and searches no registry");
    }
    ABSENT.iter().find(|(names, _)| names.contains(&first)).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn with_a_version_and_without() {
        assert!(words("/v1.44/containers/create").is_some_and(|said| said.contains("no containers")));
        assert!(words("/build").is_some() && words("/images/search").is_some());
        assert_eq!(
            (words("/nothing"), words("/"), words("/images/x/json"), words("/v1.44")),
            (None, None, None, None)
        );
    }
}
