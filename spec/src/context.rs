//! Who writes, and what they allow.

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

/// Whether an entry may store literals that look like secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Literals {
    /// They are refused: an entry refers to secrets, it does not hold them.
    #[default]
    Refuse,
    /// The caller means them.
    Allow,
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
