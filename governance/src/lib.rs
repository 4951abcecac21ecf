//! Who may change which MCP servers an agent has mounted.
//!
//! # What is a policy?
//! A file by which the operator says what those who reach the registry through its surfaces may do
//! there, and which servers may be mounted at all. [`Source`] says where it is, [`Source::load`]
//! reads it, and what comes of that, a [`Policy`], decides: [`Policy::decide`] on a call of a tool,
//! [`Policy::judge`] on the server of an entry.
//!
//! The rules are in `spec/POLICY.md` of the repository, included as [`mcp_registry_spec::policy`];
//! every [`Decision`] names the one it was made by.

mod changes;
mod difference;
mod ledger;
mod policy;
mod state_folder;
mod trust;

pub use changes::{
    Approval, Change, ChangeId, Code, Execution, Filter, Form, Governance, Mode, Opener, Outcome, OutcomeError, Party,
    Place, Preview, Proposal, Refusal, Requested, State, Surface, Target,
};
pub use ledger::{Event, Finding, Head, Ledger, Record, Row, Verified};
pub use policy::{Changes, Counts, Decision, Diagnostics, Gate, Launch, Policy, Request, Rule, RuleLine, Source, Tool};
pub use state_folder::{StateFolder, check_state};
