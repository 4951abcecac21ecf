//! M16: an editor that empties the document, takes its time, and then writes it.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcp_registry_filesystem::{Config, FilesystemBackend};
use mcp_registry_spec::{McpServerRegistry, McpServerSpec, ServerName, WriteContext};

/// Waits until a writer has begun: its temporary file is there.
fn await_writer(folder: &Path) {
    let entries = || std::fs::read_dir(folder).into_iter().flatten().flatten();
    while !entries().any(|entry| entry.file_name().to_string_lossy().starts_with(".mcp.md.")) {
        std::hint::spin_loop();
    }
}

#[test]
fn m16_a_slow_save_in_place_loses_nothing() {
    for gap in [0, 1, 5, 20, 60] {
        for round in 0..4 {
            let folder = tempfile::tempdir().unwrap();
            let document = folder.path().join("mcp.md");
            std::fs::write(&document, "# Mine\n".repeat(200)).unwrap();
            let emptied = Arc::new(AtomicBool::new(false));
            let editor = std::thread::spawn({
                let (folder, document, emptied) = (folder.path().to_owned(), document.clone(), emptied.clone());
                move || {
                    await_writer(&folder);
                    let mut file = File::create(document).unwrap();
                    emptied.store(true, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(gap));
                    file.write_all(b"# Mine, edited\n").unwrap();
                }
            });
            let registry = McpServerRegistry::new(Arc::new(FilesystemBackend::new(Config::new(folder.path()))));
            // Until the editor has come: an install may be done before it looks.
            let mut installed = Vec::new();
            let mut safe = None;
            while !editor.is_finished() {
                let is_safe = emptied.load(Ordering::SeqCst);
                let name = format!("ours-{}", installed.len());
                let spec = McpServerSpec::stdio(ServerName::parse(&name).unwrap(), "npx");
                pollster::block_on(registry.install(&spec, &WriteContext::new())).unwrap();
                safe = is_safe.then(|| name.clone()).or(safe);
                installed.push(name);
            }
            editor.join().unwrap();
            let text = std::fs::read_to_string(&document).unwrap();
            assert!(text.starts_with("# Mine, edited\n"), "gap {gap} ms, round {round}: {text}");
            // What was installed before the editor emptied the file may be gone with it; the rest is not.
            if let Some(safe) = safe {
                assert!(text.contains(&format!("## {safe}\n")), "gap {gap} ms, round {round}: {text}");
            }
        }
    }
}
