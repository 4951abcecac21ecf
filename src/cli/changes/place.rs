//! The registries that changes are made in.

use mcp_registry_governance::{Code, Opener, Place, Refusal, Target};
use mcp_registry_spec::{Locator, OpenRequest, async_trait};

use crate::cli::absolute::governed;
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;

/// The registries that changes are made in, opened when one is needed.
pub(super) struct Places<'a> {
    settings: &'a Settings,
    /// The one that the settings name.
    own: OpenRequest,
}

impl<'a> Places<'a> {
    /// Nothing is opened yet.
    ///
    /// # Errors
    /// Settings that contradict each other.
    pub(super) fn new(settings: &'a Settings) -> Result<Self, Failure> {
        Ok(Self { settings, own: settings.request()? })
    }

    /// The registry of a place: the one of the settings where that is the same; else, of a kind that asks for no
    /// credentials, the one that the place names.
    ///
    /// # Errors
    /// [`Code::OtherRegistry`], telling what to give; those of opening it.
    pub(super) fn target(&self, place: &Place) -> Result<Target, Failure> {
        let (own, locator, scope) = governed(&self.own, &self.settings.backends)?;
        let request = match locator.to_string() == place.locator && scope == place.scope {
            true => own,
            false => self.request(place)?,
        };
        let registry = self.settings.backends.open(&request)?;
        if registry.backend_id() != place.backend_id {
            return Err(self.other(place).into());
        }
        Ok(Target { registry, place: place.clone() })
    }

    fn request(&self, place: &Place) -> Result<OpenRequest, Failure> {
        if !needs_no_credentials(&Locator::new(&place.locator)) {
            return Err(self.other(place).into());
        }
        let mut request = self.settings.request_for(&place.locator)?;
        request.scope.clone_from(&place.scope);
        Ok(request)
    }

    fn other(&self, place: &Place) -> Refusal {
        let scope = place.scope.iter().map(|scope| format!(" --scope {scope}")).collect::<String>();
        let what = format!("the change is of another registry than the one that the settings name: {place}");
        Refusal::new(Code::OtherRegistry, what, format!("give --backend '{}'{scope}", place.locator))
    }
}

#[async_trait]
impl Opener for Places<'_> {
    async fn open(&self, place: &Place) -> Result<Target, Refusal> {
        // What is settled needs no more than to know that it cannot be now.
        self.target(place).map_err(|_| self.other(place))
    }
}

fn needs_no_credentials(locator: &Locator) -> bool {
    match (locator.scheme(), locator.argument()) {
        ("filesystem" | "sqlite", Some(_)) => true,
        ("sql", Some(inner)) => Locator::new(inner).scheme() == "sqlite",
        _ => false,
    }
}
