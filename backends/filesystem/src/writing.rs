//! Writes, and their rehearsals: what they make of the document's text, and where that goes.

use std::path::Path;

use mcp_registry_spec::{Error, ErrorKind, Rehearsal, Result, Write};

use crate::backend::{DOCUMENT, Inner};
use crate::document::{self, Document};
use crate::folder::Folder;
use crate::lock::Lock;
use crate::read::{self, resolve};
use crate::swap::Place;

impl Inner {
    /// Makes the agent's folder when only it is missing.
    fn make_folder(&self) -> Result<()> {
        match std::fs::create_dir(&self.config.folder) {
            Ok(()) => Ok(()),
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(cause) => {
                let missing = cause.kind() == std::io::ErrorKind::NotFound;
                let error = Error::new(ErrorKind::Unavailable, "the agent's folder cannot be made")
                    .at(&self.config.folder, None)
                    .caused_by(cause);
                Err(if missing { error.hint("make the folder above it first") } else { error })
            }
        }
    }

    /// Makes the document, where there is nothing of its name, not even a link that leads nowhere.
    pub(crate) fn create(&self, text: &str) -> Result<()> {
        self.make_folder()?;
        let folder = Folder::enter(&self.config.folder, self.config.follow_links)?;
        let lock = Lock::acquire(&folder, self.config.lock_timeout)?;
        Place { folder: &folder, name: Path::new(DOCUMENT), lock: &lock }.create(text)
    }

    /// Changes the document under the lock.
    pub(crate) fn write(&self, write: &Write) -> Result<()> {
        if !matches!(write, Write::Install(_)) {
            let text = self.text()?;
            if document::entry_of(&text, write.name()).is_none() {
                // No lock is needed to say so, and no folder made for it.
                return self.edited(write, &text).map(drop);
            }
        }
        self.make_folder()?;
        let target = if self.config.follow_links { resolve(&self.document)? } else { self.document.clone() };
        let (Some(parent), Some(name)) = (target.parent(), target.file_name().map(Path::new)) else {
            return Err(Error::new(ErrorKind::Unavailable, "is a link that leads to no file").at(&self.document, None));
        };
        let folder = Folder::enter(parent, self.config.follow_links)?;
        // What a link leads to may be no place for a document, nor its folder one for a lock.
        read::check_place(&folder, name)?;
        let lock = Lock::acquire(&folder, self.config.lock_timeout)?;
        let place = Place { folder: &folder, name, lock: &lock };
        place.rewrite(|text| self.edited(write, text))
    }

    /// What a write makes of the document's text; `None` when there is nothing to change.
    fn edited(&self, write: &Write, text: &str) -> Result<Option<String>> {
        let document = Document::parse(text);
        let edited = match write {
            Write::Install(spec) => document.install(spec).map(Some),
            Write::Update(spec, expected) => document.update(spec, expected).map(Some),
            Write::Uninstall(name, expected) => document.uninstall(name, expected.as_ref()),
        };
        match edited.map_err(|problem| self.error(problem))? {
            // What could not be read again is not written.
            Some(text) if text.len() as u64 > read::MOST => {
                let what = format!("would grow beyond {} MiB", read::MOST >> 20);
                Err(Error::new(ErrorKind::DescriptorInvalid, what)
                    .at(&self.document, None)
                    .hint("remove what is not needed"))
            }
            edited => Ok(edited),
        }
    }

    /// What a write would do, told without touching anything.
    pub(crate) fn rehearse(&self, write: &Write) -> Result<Rehearsal> {
        let before = self.text()?;
        let after = self.edited(write, &before)?.unwrap_or_else(|| before.clone());
        Ok(Rehearsal { place: DOCUMENT.to_owned(), before, after, hidden: document::hidden })
    }
}
