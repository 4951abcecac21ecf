//! Where the policy is (P2).

use std::path::{Path, PathBuf};

use mcp_registry_spec::{Environment, Error};

use super::document::Document;
use super::file;
use super::{Policy, State};
use crate::state_folder::StateFolder;
use crate::trust::unusable;

/// The policy of the whole machine. Where there is one, it wins over everything.
const SYSTEM_POLICY: &str = "/etc/mcp-registry/policy.toml";
/// The file's name in the state folder.
const FILE: &str = "policy.toml";
const POLICY_VARIABLE: &str = "MCP_REGISTRY_POLICY";

/// By whom a policy's place is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// It is the machine's.
    System,
    /// Whoever calls names it, as with `--policy`.
    Flag,
    /// The variable `MCP_REGISTRY_POLICY` names it.
    Variable,
    /// Nobody: it is the one of the state folder.
    State,
}

/// Where the policy is. The file is read anew whenever it is [loaded](Self::load): what holds is what
/// it says then, whatever its times of modification are (P6).
#[derive(Debug, Clone)]
pub struct Source {
    system: PathBuf,
    otherwise: Otherwise,
}

/// The place where there is no policy of the whole machine.
#[derive(Debug, Clone)]
enum Otherwise {
    At(PathBuf, Named),
    /// There is no state folder, and so nothing in it.
    Nowhere,
    /// It cannot be said.
    Wrong(Error),
}

impl Source {
    /// The place that `flag`, else the environment, else the state folder says. Touches nothing.
    #[must_use]
    pub fn new(flag: Option<&Path>, environment: &dyn Environment) -> Self {
        let variable = || environment.read(POLICY_VARIABLE).filter(|path| !path.is_empty());
        let otherwise = match (flag, variable()) {
            (Some(flag), _) => Otherwise::At(flag.to_owned(), Named::Flag),
            (None, Some(path)) => Otherwise::At(path.into(), Named::Variable),
            (None, None) => match StateFolder::look(environment) {
                Ok(Some(folder)) => Otherwise::At(folder.path().join(FILE), Named::State),
                Ok(None) => Otherwise::Nowhere,
                Err(error) => Otherwise::Wrong(error),
            },
        };
        Self { system: SYSTEM_POLICY.into(), otherwise }
    }

    /// The same, with the machine's policy elsewhere than at `/etc/mcp-registry/policy.toml`.
    #[must_use]
    pub fn with_system(mut self, path: impl Into<PathBuf>) -> Self {
        self.system = path.into();
        self
    }

    /// Reads the policy that holds now. What is wrong with it is part of what it is: it denies then.
    #[must_use]
    pub fn load(&self) -> Policy {
        // Whatever it is, and be it out of reach: it is there, so no other holds. Nor does one where others may have
        // taken it away.
        let system = match self.system.symlink_metadata() {
            Err(cause) => !file::is_absent(&cause) || file::read(&self.system).is_err(),
            Ok(_) => true,
        };
        match &self.otherwise {
            _ if system => load(&self.system, Named::System),
            Otherwise::At(path, named) => load(path, *named),
            Otherwise::Nowhere => Policy::safe_default(),
            Otherwise::Wrong(error) => {
                Policy { path: None, named: Named::State, exists: false, state: State::Broken(vec![error.clone()]) }
            }
        }
    }
}

fn load(path: &Path, named: Named) -> Policy {
    let (exists, state) = match file::read(path) {
        Ok(Some(text)) => (true, Document::parse(&text, path).map_or_else(State::Broken, State::Read)),
        Ok(None) if named == Named::State => (false, State::Default(Document::default())),
        Ok(None) => {
            let hint = match named {
                Named::Variable => "make it, or unset MCP_REGISTRY_POLICY",
                _ => "make it, or name another",
            };
            (false, State::Broken(vec![unusable("is named as the policy, and is not there", path).hint(hint)]))
        }
        Err(error) => (true, State::Broken(vec![error])),
    };
    Policy { path: Some(path.to_owned()), named, exists, state }
}
