//! What the system lets this process open (rule C27).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files and connections to the hard one: what the system means this
/// process to have at most, beneath which it starts it for the sake of older programs. Where the system
/// refuses, things stay as they are.
pub fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// How many of the connections that are `wanted` there may be, so that the storage, the log and whatever
/// else opens files never goes without: a quarter of all descriptors is not for connections.
pub(crate) fn left_for(wanted: usize) -> usize {
    share(getrlimit(Resource::Nofile).current, wanted)
}

fn share(limit: Option<u64>, wanted: usize) -> usize {
    let most = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    wanted.min(most - most / 4).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_c27_connections_leave_descriptors_for_the_storage() {
        for (limit, connections) in [
            (None, 4096),
            (Some(u64::MAX), 4096),
            (Some(1 << 20), 4096),
            (Some(1024), 768),
            (Some(64), 48),
            (Some(1), 1),
        ] {
            assert_eq!(share(limit, 4096), connections, "{limit:?}");
        }
    }
}
