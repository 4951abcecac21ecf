//! Who writes, and what they allow.

use std::collections::BTreeSet;

/// What accompanies a write: who asks, under which request, and whether literals that look like
/// secrets are meant. Backends that audit record it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WriteContext {
    /// Who asks.
    pub actor: Option<String>,
    /// What the write is part of, for finding it again in logs.
    pub request_id: Option<String>,
    /// Which literals are allowed.
    pub literals: Literals,
}

/// Which literals an entry may hold where it should refer to variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Literals {
    /// None: an entry refers to secrets, it does not hold them.
    #[default]
    Refuse,
    /// Those of these fields, named as in `env.LOG_LEVEL` and `headers.X-Team`, or by the key alone.
    AllowFields(BTreeSet<String>),
    /// All: the caller means them.
    Allow,
}

impl Literals {
    /// What to do about a literal that is refused: the hint of every error that refuses one.
    pub const HINT: &'static str =
        "refer to an environment variable ($NAME or ${NAME}), or allow the literal explicitly";

    /// Whether the field, named as in `env.LOG_LEVEL`, may hold a literal. The case of letters
    /// counts, but for headers.
    ///
    /// ```
    /// use mcp_registry_spec::Literals;
    /// let some = Literals::AllowFields(["LOG_LEVEL".into(), "headers.x-team".into()].into());
    /// assert!(some.allows("env.LOG_LEVEL") && some.allows("headers.X-Team"));
    /// assert!(!some.allows("env.API_KEY") && !Literals::Refuse.allows("env.LOG_LEVEL"));
    /// ```
    #[must_use]
    pub fn allows(&self, field: &str) -> bool {
        match self {
            Self::Refuse => false,
            Self::Allow => true,
            Self::AllowFields(fields) => {
                let (kind, key) = field.split_once('.').unwrap_or(("", field));
                let header = kind == "headers";
                fields.iter().any(|allowed| {
                    [field, key].iter().any(|name| allowed == name || header && allowed.eq_ignore_ascii_case(name))
                })
            }
        }
    }
}

impl WriteContext {
    /// A context that says nothing and refuses literals that look like secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says who asks.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Says what the write is part of.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Says whether literals that look like secrets are meant.
    #[must_use]
    pub fn literals(mut self, literals: Literals) -> Self {
        self.literals = literals;
        self
    }
}
