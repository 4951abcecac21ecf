//! Changes as the catalog tells of them: as they are, but for the folders of its machine (rule C12).

use hyper::StatusCode;
use mcp_registry_governance::{Approval, Change, Outcome, Place, Preview};
use mcp_registry_spec::{Error, ErrorKind};
use serde::Serialize;

use crate::catalog::front::Answer;
use crate::catalog::governed::{Governed, status};
use crate::catalog::refusal::Refusal;
use crate::catalog::render::sent;

/// What `GET /changes` answers.
#[derive(Serialize)]
pub(super) struct Changes {
    pub(super) changes: Vec<Change>,
}

impl Governed {
    /// A change as it is told.
    pub(super) fn change(&self, mut change: Change) -> Change {
        self.conceal_place(&mut change.place);
        change.outcome.iter_mut().for_each(|outcome| self.conceal(outcome));
        change
    }

    /// A preview as it is told.
    pub(super) fn preview(&self, mut preview: Preview) -> Preview {
        self.conceal_place(&mut preview.place);
        preview.policy = self.decision(preview.policy);
        preview.active = preview.active.into_iter().map(|change| self.change(change)).collect();
        preview
    }

    /// What an approval came to. One whose execution failed is told as that failure, with the change and the
    /// execution beside it (rule C34).
    pub(super) fn approval(&self, mut approval: Approval) -> Answer {
        approval.approval = self.change(approval.approval);
        self.conceal(&mut approval.execution.outcome);
        if approval.execution.ok {
            return sent(StatusCode::OK, &approval);
        }
        let told = format!("the change was approved, and is {}", approval.execution.state);
        let error = match &approval.execution.outcome.error {
            Some(error) => Error::new(error.kind, told).caused_by(&error.message),
            None => Error::new(ErrorKind::Unavailable, told),
        };
        let refusal = Refusal::new(status(error.kind()), error);
        Err(refusal.beside("approval", &approval.approval).beside("execution", &approval.execution))
    }

    fn conceal_place(&self, place: &mut Place) {
        place.locator = self.without_folders(&place.locator);
    }

    fn conceal(&self, outcome: &mut Outcome) {
        let texts = outcome.error.iter_mut().map(|error| &mut error.message).chain(&mut outcome.note);
        texts.for_each(|text| *text = self.without_folders(text));
    }
}
