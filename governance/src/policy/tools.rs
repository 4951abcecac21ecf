//! The tools there are: what agents and people do at the registry's surfaces, by name.

use std::str::FromStr;

use mcp_registry_spec::{Error, ErrorKind, named, near, text};

named! {
    /// A tool, as policies name it (P7). The list is closed.
    #[non_exhaustive]
    pub enum Tool {
        /// Lists what is mounted.
        RegistryList = "registry_list",
        /// Shows an entry, its references as they are.
        RegistryShow = "registry_show",
        /// Checks entries without starting anything.
        RegistryValidate = "registry_validate",
        /// Tells what the registry allows.
        RegistryCapabilities = "registry_capabilities",
        /// Tells whether all is well with the registry, the policy and their surroundings.
        Doctor = "doctor",
        /// Shows what a change would do, and does nothing.
        ChangePreview = "change_preview",
        /// Asks for a change.
        ChangeRequest = "change_request",
        /// Takes back what oneself asked for.
        ChangeCancel = "change_cancel",
        /// Lists requests.
        ApprovalList = "approval_list",
        /// Shows a request.
        ApprovalGet = "approval_get",
        /// Approves a request, and carries it out.
        ApprovalApprove = "approval_approve",
        /// Rejects a request.
        ApprovalReject = "approval_reject",
    }
}

impl Tool {
    /// Whether it changes anything: an entry, or how a request stands (P11).
    #[must_use]
    pub fn changes(self) -> bool {
        matches!(self, Self::ChangeRequest | Self::ChangeCancel | Self::ApprovalApprove | Self::ApprovalReject)
    }

    /// Whether it is allowed even by a policy that cannot be used: what shows the damage, and what
    /// ends a request without carrying it out (P5).
    #[must_use]
    pub fn survives_a_broken_policy(self) -> bool {
        matches!(
            self,
            Self::Doctor | Self::ApprovalList | Self::ApprovalGet | Self::ApprovalReject | Self::ChangeCancel
        )
    }
}

impl FromStr for Tool {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|tool| tool.as_str()).collect();
            Error::new(ErrorKind::ConfigInvalid, format!("there is no tool {}", text::quote(name)))
                .hint(near::hint(name, &names))
        })
    }
}
