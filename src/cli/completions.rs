//! `completions`: a script for the shell.

use clap::CommandFactory;
use clap_complete::Shell;

use super::app::{LocalCommand, Use};
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::settings::Settings;

#[derive(clap::Args)]
#[command(
    after_help = "Example: mcp-registry completions bash > ~/.local/share/bash-completion/completions/mcp-registry"
)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl LocalCommand for Completions {
    const USE: Use = Use::OF_PROGRAM;

    fn run(self, _settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        // Made in memory first: the generator takes a writer that fails for a bug of its own.
        let (mut script, program) = (Vec::new(), program());
        clap_complete::generate(self.shell, &mut super::Cli::command(), &program, &mut script);
        let mut script = String::from_utf8_lossy(&script).into_owned();
        if self.shell == Shell::Bash {
            // The generator spells a dash of the program's name in two ways, so that no command would be known.
            let [meant, spelt] = ["__", "__subcmd__"].map(|dash| program.replace('-', dash));
            script = script.replace(&spelt, &meant);
        }
        std::io::Write::write_all(printer.raw(), script.as_bytes())?;
        Ok(Outcome::Good)
    }
}

/// What this program is called, which in a binary of somebody else's is another name.
fn program() -> String {
    let path = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = path.as_deref().and_then(std::path::Path::file_stem).and_then(std::ffi::OsStr::to_str);
    name.unwrap_or("mcp-registry").to_owned()
}
