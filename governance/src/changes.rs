//! Changes: asked for, approved by a person, carried out once.

mod basis;
mod change;
mod clock;
mod count;
mod decide;
mod engine;
mod execute;
mod form;
mod party;
mod preview;
mod proposal;
mod refusal;
mod request;
mod rows;
mod settle;
mod state;
mod step;

pub use change::{Approval, Change, ChangeId, Execution, Outcome, OutcomeError};
pub use engine::{Filter, Governance, Opener, Requested};
pub use form::Form;
pub use party::{Mode, Party, Surface};
pub use preview::Preview;
pub use proposal::{Place, Proposal, Target};
pub use refusal::{Code, Refusal};
pub use state::State;
