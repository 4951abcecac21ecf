//! Rule 4: no credential in anything a person reads.

use mcp_registry_spec::{Error, McpServerRef};

use crate::case::{Checked, During, cases, ensure};
use crate::context::{Context, handle, ignored, write};
use crate::sample::{SECRET, described, digest, name, plain, secretive, secretive_remote};

cases! {
    4 writes rule_04_listing_lines_show_no_value_of_an_entry;
    4 writes rule_04_the_handle_redacts_descriptions;
    4 writes rule_04_errors_show_no_value_of_an_entry;
    4 writes rule_04_the_error_of_a_broken_entry_shows_no_value;
    4 writes rule_04_validation_shows_no_value_of_an_entry;
    4 writes rule_04_the_backend_s_own_credentials_show_nowhere;
}

/// Asserts that `secret` is in no form of `text` that a person reads.
fn hidden(what: &str, text: &str, secret: &str) -> Checked {
    ensure!(!text.contains(secret), "{what} shows a credential: {}", text.replace(secret, "<<<the credential>>>"));
    Ok(())
}

fn hidden_in_error(what: &str, error: &Error, secret: &str) -> Checked {
    let json = serde_json::to_string(error).unwrap_or_default();
    hidden(&format!("the error of {what}"), &format!("{error} {error:?} {error:#?} {json}"), secret)
}

fn hidden_in_line(what: &str, line: &McpServerRef, secret: &str) -> Checked {
    hidden(what, &format!("{line:?} {}", serde_json::to_string(line).unwrap_or_default()), secret)
}

async fn rule_04_listing_lines_show_no_value_of_an_entry(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for spec in [secretive("local")?, secretive_remote("remote")?] {
        context.put(&scope, &spec).await?;
    }
    for line in &backend.list().await.during("list")?.servers {
        hidden_in_line("a listing line", line, SECRET)?;
    }
    if context.expected().supports_install {
        let line = backend.install(&secretive("third")?, &write()).await.during("install")?;
        hidden_in_line("the listing line that install gives", &line, SECRET)?;
        if context.expected().supports_update {
            let line =
                backend.update(&plain("third")?, &digest(&secretive("third")?)?, &write()).await.during("update")?;
            hidden_in_line("the listing line that update gives", &line, SECRET)?;
        }
    }
    hidden("the backend's Debug", &format!("{backend:?}"), SECRET)
}

async fn rule_04_the_handle_redacts_descriptions(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    context.put(&scope, &described("one", &format!("see https://me:{SECRET}@example.org/"))?).await?;
    for line in &handle(&backend).list().await.during("list")?.servers {
        hidden_in_line("a listing line of the handle", line, SECRET)?;
    }
    Ok(())
}

async fn rule_04_errors_show_no_value_of_an_entry(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let other = digest(&plain("other")?)?;
    for spec in [secretive("local")?, secretive_remote("remote")?] {
        context.put(&scope, &spec).await?;
        let attempts = [
            ("install", backend.install(&spec, &write()).await.err()),
            ("update", backend.update(&spec, &other, &write()).await.err()),
            ("uninstall", backend.uninstall(&spec.name, Some(&other), &write()).await.err()),
            ("load of what is absent", backend.load(&name("absent")?).await.err()),
        ];
        for (step, error) in attempts {
            if let Some(error) = error {
                hidden_in_error(step, &error, SECRET)?;
            }
        }
    }
    Ok(())
}

async fn rule_04_the_error_of_a_broken_entry_shows_no_value(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let broken = name("broken")?;
    context.break_entry(&scope, &broken, SECRET).await?;
    for entry in &backend.list().await.during("list")?.broken {
        hidden_in_error("a broken entry that is listed", &entry.error, SECRET)?;
    }
    if let Err(error) = backend.load(&broken).await {
        hidden_in_error("loading a broken entry", &error, SECRET)?;
    }
    let result = backend.validate(&broken).await.during("validate")?;
    hidden("the validation of a broken entry", &format!("{result:?}"), SECRET)
}

async fn rule_04_validation_shows_no_value_of_an_entry(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for spec in [secretive("local")?, secretive_remote("remote")?] {
        context.put(&scope, &spec).await?;
        let own = backend.validate(&spec.name).await.during("validate")?;
        let whole = handle(&backend).validate(&spec.name).await.during("validate through the handle")?;
        hidden("a validation", &format!("{own:?} {whole:?}"), SECRET)?;
    }
    let all = backend.validate_all().await.during("validate_all")?;
    hidden("the validation of everything", &format!("{all:?}"), SECRET)
}

async fn rule_04_the_backend_s_own_credentials_show_nowhere(context: Context) -> Checked {
    let secrets = context.fixture().secrets();
    if secrets.is_empty() {
        return ignored("the fixture names no secrets");
    }
    let (scope, backend) = context.main()?;
    context.put(&scope, &plain("one")?).await?;
    let listing = backend.list().await.during("list")?;
    let absent = backend.load(&name("absent")?).await.err();
    let mut shown = vec![
        ("the backend's Debug", format!("{backend:?} {backend:#?} {:?}", handle(&backend))),
        ("a listing", format!("{listing:?} {}", serde_json::to_string(&listing).unwrap_or_default())),
        ("an error", format!("{absent:?}")),
    ];
    if let Some(Ok(down)) = context.fixture().unavailable(&context.scope("down")?).await {
        shown.push(("the Debug of a backend without storage", format!("{down:?}")));
        shown.push(("the error of a backend without storage", format!("{:?}", down.list().await.err())));
    }
    for secret in secrets {
        for (what, text) in &shown {
            hidden(what, text, &secret)?;
        }
    }
    Ok(())
}
