//! What holds for every document and every entry.

mod common;

use common::{document, name, sections, spec};
use mcp_registry_filesystem::document::{Document, entry_of};
use mcp_registry_filesystem::{Config, FilesystemBackend};
use mcp_registry_spec::{BrokenEntry, ErrorKind, Listing, McpServerRef, McpServerRegistryBackend};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rule 8: any spec written reads back equal, whatever document it is written to.
    #[test]
    fn any_spec_written_reads_back_equal(text in document(), spec in spec("new")) {
        match Document::parse(&text).install(&spec) {
            Ok(changed) => {
                prop_assert!(changed.starts_with(&text));
                let entry = Document::parse(&changed).entry_of(&spec.name).unwrap();
                prop_assert_eq!(entry.spec.unwrap(), spec);
            }
            Err(problem) => prop_assert!(problem.message.contains("never ends"), "{:?}\n{}", problem, text),
        }
    }

    /// Rule 9: install, then uninstall, gives back the very bytes there were.
    #[test]
    fn install_then_uninstall_is_the_identity(text in document(), first in spec("new"), second in spec("other")) {
        let Ok(one) = Document::parse(&text).install(&first) else { return Ok(()) };
        let two = Document::parse(&one).install(&second).unwrap();
        let back = Document::parse(&two).uninstall(&second.name, None).unwrap().unwrap();
        prop_assert_eq!(&back, &one);
        prop_assert_eq!(&Document::parse(&back).uninstall(&first.name, None).unwrap().unwrap(), &text);
        // In the other order too.
        let crossed = Document::parse(&two).uninstall(&first.name, None).unwrap().unwrap();
        prop_assert_eq!(Document::parse(&crossed).uninstall(&second.name, None).unwrap().unwrap(), text);
    }

    /// An update reads back as what was meant, and changes nothing above or below the section.
    #[test]
    fn an_update_changes_its_section_alone(text in document(), old in spec("new"), new in spec("new"), below in document()) {
        let Ok(installed) = Document::parse(&text).install(&old) else { return Ok(()) };
        let whole = format!("{installed}\n## below\ncommand: x\n\n{below}");
        let document = Document::parse(&whole);
        if document.entry_of(&name("below")).is_none_or(|e| e.spec.is_err()) {
            return Ok(());
        }
        let changed = document.update(&new, &old.digest().unwrap()).unwrap();
        prop_assert_eq!(Document::parse(&changed).entry_of(&new.name).unwrap().spec.unwrap(), new.clone());
        prop_assert!(changed.starts_with(&text));
        let below = format!("\n## below\ncommand: x\n\n{below}");
        prop_assert!(changed.ends_with(&below), "{}", changed);
        // Back again: what was meant is said, though perhaps in another form.
        let back = Document::parse(&changed).update(&old, &new.digest().unwrap()).unwrap();
        prop_assert_eq!(Document::parse(&back).entry_of(&old.name).unwrap().spec.unwrap(), old);
    }

    /// Removing any entry removes its section's bytes and no others.
    #[test]
    fn uninstall_removes_a_section_and_nothing_else(text in document()) {
        let document = Document::parse(&text);
        for entry in document.entries() {
            match document.uninstall(&entry.name, None) {
                Ok(Some(rest)) => {
                    let head = rest.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
                    prop_assert!(text.ends_with(&rest[head..]), "{:?}", rest);
                    prop_assert!(Document::parse(&rest).entry_of(&entry.name).is_none());
                }
                Ok(None) => prop_assert!(false, "an entry that is listed can be removed"),
                Err(problem) => prop_assert_eq!(problem.kind, ErrorKind::DescriptorInvalid),
            }
        }
    }

    /// Any text in: an answer, and the same one for an entry alone as in the whole.
    #[test]
    fn any_text_is_answered(text in prop_oneof![document(), "\\PC*", "[-#`~<>!a-c:=\\[{\"$, \\r\\n]*"]) {
        let document = Document::parse(&text);
        for entry in document.entries() {
            prop_assert_eq!(entry_of(&text, &entry.name), document.entry_of(&entry.name));
            prop_assert_eq!(document.entry_of(&entry.name), Some(entry));
        }
        let _ = document.strays().count();
        let _ = document.allowed_commands();
    }

    /// Rule 10: of each entry a listing says what loading it gives.
    #[test]
    fn rule_10_a_listing_says_what_loading_does(text in prop_oneof![1 => document(), 3 => sections()]) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mcp.md"), &text).unwrap();
        let backend = FilesystemBackend::new(Config { may_block: true, ..Config::new(folder.path()) });
        let mut expected = Listing::default();
        for loaded in pollster::block_on(backend.load_all()).unwrap() {
            let name = loaded.name;
            match loaded.result {
                Ok(spec) => expected.servers.push(McpServerRef {
                    source: format!("mcp.md#{name}"),
                    name,
                    description: spec.description,
                    transport: spec.transport.kind(),
                    version: None,
                }),
                Err(error) => expected.broken.push(BrokenEntry { name, error }),
            }
        }
        prop_assert_eq!(pollster::block_on(backend.list()).unwrap(), expected, "{}", text);
    }
}
