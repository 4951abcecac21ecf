//! Who runs this, as the operating system says.

use std::fs::File;

use super::bounded::read_text;

/// Where the system keeps the names of its users.
const USERS: &str = "/etc/passwd";

/// The name of the user whom this process runs as, found by number: variables such as `USER` say whatever
/// somebody set them to. A user whose name the system keeps elsewhere is called by that number.
pub(crate) fn name() -> String {
    let number = rustix::process::getuid().as_raw();
    let users = File::open(USERS).and_then(read_text).unwrap_or_default();
    named(&users, number).map_or_else(|| format!("uid-{number}"), str::to_owned)
}

/// The name that `users`, of the form of that file, has for a number.
fn named(users: &str, number: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, uid) = (fields.next()?, fields.nth(1)?);
        (uid.parse() == Ok(number) && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_told_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n# 7\n::7:\n:x:8:8::/:\nbroken\nalice:x:1000:100::/home/alice:\n";
        assert_eq!(
            [0, 1000, 7, 8, 100, 1].map(|number| named(users, number)),
            [Some("root"), Some("alice"), None, None, None, None]
        );
    }

    #[test]
    fn this_process_has_a_user() {
        assert!(!name().is_empty());
    }
}
