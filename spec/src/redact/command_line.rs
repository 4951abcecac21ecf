//! What the words of a command line say of the words behind them, whether they stand in a text or in
//! an entry's arguments.

use super::keys::is_secret_key;
use super::userinfo;
use crate::template::is_variable_name;

/// Programs whose `-e NAME` hands on a variable: what follows is an image.
const CONTAINERS: &[&str] = &["docker", "podman", "nerdctl", "finch", "container"];

/// Programs whose `-pVALUE` is a password.
const MYSQL: &[&str] = &["mysql", "mysqldump", "mysqladmin", "mysqlimport", "mariadb", "mariadb-dump", "sshpass"];

/// What a word says of the next one.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Next {
    /// Nothing.
    Anything,
    /// It is the value of a variable whose name is a secret's: `--env API_KEY …`.
    Value,
    /// It may be `user:password`: `-u …`.
    Login,
}

/// A command line, as far as it was read.
#[derive(Default)]
pub(crate) struct CommandLine {
    containers: bool,
    mysql: bool,
    after_env: bool,
}

impl CommandLine {
    /// Reads a word.
    pub(crate) fn read(&mut self, word: &str) -> Next {
        let after_env = std::mem::replace(&mut self.after_env, matches!(word, "-e" | "--env"));
        let program = word.rsplit(['/', '\\']).next().unwrap_or(word);
        self.containers |= CONTAINERS.contains(&program);
        self.mysql |= MYSQL.contains(&program);
        match word {
            "-u" | "-U" | "--user" | "--proxy-user" => Next::Login,
            _ if after_env && !self.containers && is_variable_name(word) && is_secret_key(word) => Next::Value,
            _ => Next::Anything,
        }
    }

    /// Where the password begins in a word that is an option with its value (`-pVALUE`).
    pub(crate) fn attached_password(&self, word: &str) -> Option<usize> {
        let value = word.strip_prefix("-p").filter(|value| self.mysql && !value.is_empty())?;
        Some(word.len() - value.len())
    }
}

/// Where the password begins in a word that is a login: `user:password`, but neither a URL, a place
/// (`host.example:80`) nor the ids that containers run under (`1000:1000`, `node:node`).
pub(crate) fn login_password(word: &str) -> Option<usize> {
    let (user, password) = word.split_once(':')?;
    let is_id = user == password || user.bytes().all(|b| b.is_ascii_digit());
    let is_place = password.starts_with(['/', '\\']) || user.contains(['/', '\\', '=']) || userinfo::is_place(word);
    (!password.is_empty() && !is_id && !is_place).then_some(user.len() + 1)
}
