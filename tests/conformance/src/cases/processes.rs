//! Rule 9: writes at the same time, by several processes.

use mcp_registry_spec::ErrorKind;

use crate::case::{Checked, During, Stop, cases, ensure, ensure_eq};
use crate::context::{Context, ensure_stored, ignored};
use crate::sample::{described, plain};
use crate::worker::install_in_processes;

cases! {
    9 writes rule_09_installs_of_one_name_by_several_processes_have_one_winner;
    9 writes rule_09_installs_of_different_names_by_several_processes_all_win;
}

const PROCESSES: usize = 6;
const NAMES: usize = 6;

async fn needs_processes(context: &Context) -> Checked {
    context.needs_install().await?;
    if context.expected().durable { Ok(()) } else { ignored("the backend is not durable") }
}

async fn rule_09_installs_of_one_name_by_several_processes_have_one_winner(context: Context) -> Checked {
    needs_processes(&context).await?;
    let (scope, backend) = context.main()?;
    let rival = |process, name| described(&format!("server-{name}"), &format!("of process {process}"));
    let mut jobs = Vec::new();
    for process in 0..PROCESSES {
        jobs.push((0..NAMES).map(|name| rival(process, name)).collect::<Checked<Vec<_>>>()?);
    }
    let attempts = install_in_processes(&context, &scope, jobs.clone()).await?;
    for name in 0..NAMES {
        let mut winners = Vec::new();
        for (job, attempts) in jobs.iter().zip(&attempts) {
            let (Some(spec), Some(attempt)) = (job.get(name), attempts.get(name)) else {
                return Err(Stop::Failed("a process did not answer for every install".to_owned()));
            };
            match attempt.refused {
                None => winners.push(spec),
                Some(kind) => ensure_eq!(kind, ErrorKind::AlreadyInstalled, "a process's error ({})", attempt.message),
            }
        }
        let [winner] = winners.as_slice() else {
            return Err(Stop::Failed(format!("one process must win, but {} of {PROCESSES} did", winners.len())));
        };
        ensure_stored(&*backend, winner).await?;
    }
    Ok(())
}

async fn rule_09_installs_of_different_names_by_several_processes_all_win(context: Context) -> Checked {
    needs_processes(&context).await?;
    let (scope, backend) = context.main()?;
    let mut jobs = Vec::new();
    for process in 0..PROCESSES {
        jobs.push((0..NAMES).map(|name| plain(&format!("server-{process}-{name}"))).collect::<Checked<Vec<_>>>()?);
    }
    for attempt in install_in_processes(&context, &scope, jobs.clone()).await?.iter().flatten() {
        ensure!(attempt.refused.is_none(), "an install of a name of its own was refused: {}", attempt.message);
    }
    for spec in jobs.iter().flatten() {
        ensure_stored(&*backend, spec).await?;
    }
    ensure_eq!(backend.list().await.during("list")?.names().len(), PROCESSES * NAMES, "the number of entries");
    Ok(())
}
