use std::io::Write as _;

use mcp_registry_governance::Ledger;
use mcp_registry_test_trials::Tried;

use crate::bench::{Bench, note, on_both, run};

pub(crate) fn l3_the_export_is_the_table_line_by_line() -> Tried {
    on_both(async |bench| {
        bench.fill(3).await;
        let rows = bench.ledger.rows(0, 10).await.unwrap();
        let lines: Vec<_> = bench.exported().lines().map(str::to_owned).collect();
        let whole: Vec<_> = rows.iter().map(|row| serde_json_canonicalizer::to_string(row).unwrap()).collect();
        assert_eq!(lines, whole);
        // Who keeps no export has the same table.
        let without = Ledger::new(bench.store.clone(), None);
        without.record(vec![note("by another")]).await.unwrap();
        assert_eq!(bench.exported().lines().count(), 3);
        let found = bench.found(None, "a row that nobody exported").await;
        assert!(found.contains("the last row is 3, and that of the table 4"), "{found}");
        bench.ledger.publish().await.unwrap();
        assert_eq!(bench.exported().lines().count(), 4);
        // Moved away, it is made anew.
        std::fs::rename(bench.export(), bench.path("old.jsonl")).unwrap();
        assert!(bench.found(None, "no export").await.contains("there is no export"));
        bench.ledger.publish().await.unwrap();
        assert_eq!(bench.exported(), std::fs::read_to_string(bench.path("old.jsonl")).unwrap());
        bench.is_whole("made anew").await;
    })
}

/// What a process that was killed while it wrote leaves is the file up to any byte.
pub(crate) fn l3_a_torn_last_line_is_completed_wherever_it_was_torn() -> Tried {
    run(async {
        let bench = Bench::new();
        bench.fill(3).await;
        let whole = bench.exported();
        for length in 0..whole.len() {
            std::fs::write(bench.export(), &whole[..length]).unwrap();
            bench.ledger.publish().await.unwrap();
            assert_eq!(bench.exported(), whole, "torn at {length}");
        }
        // The next row goes where it belongs, too.
        std::fs::write(bench.export(), &whole[..whole.len() - 1]).unwrap();
        bench.fill(1).await;
        assert!(bench.exported().starts_with(&whole));
        bench.is_whole("completed").await;
        Ok(())
    })
}

pub(crate) fn l3_an_export_that_does_not_fit_is_left_as_it_is() -> Tried {
    run(async {
        let bench = Bench::new();
        bench.fill(3).await;
        let whole = bench.exported();
        let lines: Vec<_> = whole.lines().collect();
        let newer = lines[2].replace("\"seq\":3", "\"seq\":4");
        for wrong in [
            whole.replace("row 2", "row X"),
            format!("{}\n{newer}\n", lines[0]),
            format!("{whole}{newer}\n"),
            format!("{whole}\n"),
            "something else\n".to_owned(),
            format!("{}\n", "x".repeat(5 << 20)),
            "x".repeat(5 << 20),
        ] {
            std::fs::write(bench.export(), &wrong).unwrap();
            let error = bench.ledger.publish().await.unwrap_err();
            assert!(error.to_string().contains("ledger verify"), "{error}");
            assert_eq!(bench.exported(), wrong, "nothing was written");
            bench.found(None, "an export that does not fit").await;
        }
        // The row is what counts.
        bench.ledger.record(vec![note("kept")]).await.unwrap();
        assert_eq!(bench.ledger.head().await.unwrap().seq, 4);
        // A table that does not fit itself is not exported either.
        std::fs::write(bench.export(), &whole).unwrap();
        bench.sql("UPDATE mcp_ledger SET body = 'x' WHERE seq = 4").await;
        assert!(bench.ledger.publish().await.is_err());
        assert_eq!(bench.exported(), whole);
        Ok(())
    })
}

#[cfg(unix)]
pub(crate) fn l3_an_export_is_its_owners_and_no_link() -> Tried {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    run(async {
        let bench = Bench::new();
        bench.fill(1).await;
        let mode = || bench.export().metadata().unwrap().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(bench.export(), Permissions::from_mode(0o602)).unwrap();
        let error = bench.ledger.publish().await.unwrap_err();
        assert!(error.to_string().contains("others than its owner may write it"), "{error}");
        std::fs::remove_file(bench.export()).unwrap();
        std::fs::write(bench.path("elsewhere"), "mine").unwrap();
        symlink(bench.path("elsewhere"), bench.export()).unwrap();
        assert!(bench.ledger.publish().await.is_err());
        assert_eq!(std::fs::read_to_string(bench.path("elsewhere")).unwrap(), "mine");
        assert!(bench.ledger.verify(None, None).await.is_err());
        std::fs::remove_file(bench.export()).unwrap();
        std::fs::create_dir(bench.export()).unwrap();
        assert!(bench.ledger.publish().await.is_err());
        std::fs::remove_dir(bench.export()).unwrap();
        let mut fifo = std::process::Command::new("mkfifo");
        assert!(fifo.arg(bench.export()).status().unwrap().success());
        assert!(bench.ledger.publish().await.is_err(), "and it is not waited for a reader");
        Ok(())
    })
}

pub(crate) fn l3_many_rows_are_exported_in_order() -> Tried {
    on_both(async |bench| {
        let records = |from: usize| (from..from + 1_300).map(|i| note(&format!("row {i}"))).collect::<Vec<_>>();
        Ledger::new(bench.store.clone(), None).record(records(0)).await.unwrap();
        Ledger::new(bench.store.clone(), None).record(records(1_300)).await.unwrap();
        // More than are read at once, by several who all want to write them.
        let others = [(); 4].map(|()| Ledger::new(bench.store.clone(), Some(bench.export())));
        let publishers = others.map(|ledger| tokio::spawn(async move { ledger.publish().await }));
        for publisher in publishers {
            publisher.await.unwrap().unwrap();
        }
        assert_eq!(bench.is_whole("many rows").await.rows, 2_600);
        assert_eq!(bench.exported().lines().count(), 2_600);
        // Somebody's lines before ours are no rows.
        let whole = bench.exported();
        let mut file = std::fs::File::create(bench.export()).unwrap();
        write!(file, "# ours\n{whole}").unwrap();
        assert!(bench.found(None, "a line before the first").await.contains("cannot be read"));
    })
}
