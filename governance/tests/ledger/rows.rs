use std::time::SystemTime;

use mcp_registry_governance::{Event, Record};
use mcp_registry_spec::{AuditAction, Digest, ErrorKind};
use mcp_registry_test_trials::Tried;

use crate::bench::{name, note, on_both, operator, place, to_the_millisecond};

pub(crate) fn l1_rows_are_numbered_without_a_gap_whoever_writes() -> Tried {
    on_both(async |bench| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let ledger = bench.ledger.clone();
                tokio::spawn(async move {
                    for i in 0..10 {
                        // Some write one row at a time, some more.
                        let records = (0..=writer % 3).map(|part| note(&format!("{writer}.{i}.{part}")));
                        ledger.record(records.collect()).await.unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let rows = bench.ledger.rows(0, 1_000).await.unwrap();
        assert_eq!(rows.len(), 10 * (1 + 2 + 3 + 1 + 2 + 3 + 1 + 2));
        assert!(rows.iter().zip(1..).all(|(row, seq)| row.seq == seq));
        let notes: std::collections::BTreeSet<_> = rows.iter().map(|row| row.record.note.clone()).collect();
        assert_eq!(notes.len(), rows.len(), "none is lost");
        let verified = bench.is_whole("after a crowd").await;
        assert_eq!((verified.rows, verified.head.seq), (rows.len() as u64, rows.len() as u64));
        assert_eq!(bench.exported().lines().count(), rows.len());
    })
}

pub(crate) fn l1_a_row_is_canonical_json_sealed_by_its_hash() -> Tried {
    on_both(async |bench| {
        assert_eq!(
            (bench.ledger.head().await.unwrap().seq, bench.ledger.head().await.unwrap().hash),
            (0, Digest::ZERO)
        );
        let record = Record {
            name: Some(name("github")),
            action: Some(AuditAction::Update),
            before: Some(Digest::of_bytes(b"old")),
            after: Some(Digest::of_bytes(b"new")),
            error: Some(ErrorKind::Conflict),
            note: Some("\"hash\":\"sha256:\" 検索 \u{1} \u{7f}".into()),
            ..Record::new(Event::WriteEnded, &place()).by(&operator())
        };
        let start = SystemTime::now();
        bench.ledger.record(vec![record.clone(), note("second")]).await.unwrap();
        let rows = bench.ledger.rows(0, 10).await.unwrap();
        assert_eq!(rows[0].record, record);
        assert!(to_the_millisecond(rows[0].at) >= to_the_millisecond(start) && rows[0].at <= SystemTime::now());
        assert_eq!((rows[0].prev, rows[1].prev), (Digest::ZERO, rows[0].hash));
        for (line, row) in bench.exported().lines().zip(&rows) {
            let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(Digest::of_bytes(line.as_bytes()), Digest::of_json(&value).unwrap(), "it is canonical");
            value.as_object_mut().unwrap().remove("hash").unwrap();
            assert_eq!(Digest::of_json(&value).unwrap(), row.hash);
        }
        let shown = serde_json::to_value(&rows[0]).unwrap();
        assert_eq!(
            (&shown["event"], &shown["who"], &shown["mode"]),
            (&"write_ended".into(), &"tester".into(), &"os-user".into())
        );
        assert_eq!(bench.ledger.head().await.unwrap().hash, rows[1].hash);
        assert_eq!(bench.ledger.rows(1, 10).await.unwrap(), rows[1..]);
        assert_eq!(bench.ledger.rows(0, 1).await.unwrap(), rows[..1]);
    })
}

pub(crate) fn l2_a_row_stands_or_falls_with_its_transaction() -> Tried {
    on_both(async |bench| {
        bench.fill(1).await;
        let mut given_up = bench.store.begin().await.unwrap();
        bench.ledger.append(&mut given_up, SystemTime::now(), note("never")).await.unwrap();
        drop(given_up);
        let mut transaction = bench.store.begin().await.unwrap();
        for text in ["a", "b"] {
            bench.ledger.append(&mut transaction, SystemTime::now(), note(text)).await.unwrap();
        }
        transaction.commit().await.unwrap();
        bench.ledger.publish().await.unwrap();
        let rows = bench.ledger.rows(0, 10).await.unwrap();
        let notes: Vec<_> = rows.iter().filter_map(|row| row.record.note.as_deref()).collect();
        assert_eq!(notes, ["row 0", "a", "b"]);
        bench.is_whole("after a transaction that was given up").await;
    })
}

pub(crate) fn l2_without_a_head_nothing_is_written() -> Tried {
    on_both(async |bench| {
        bench.fill(2).await;
        bench.sql("DELETE FROM mcp_ledger_head").await;
        let error = bench.ledger.record(vec![note("x")]).await.unwrap_err();
        assert!(error.to_string().contains("ledger verify"), "{error}");
        assert_eq!(bench.ledger.rows(0, 10).await.unwrap().len(), 2);
        bench.found(None, "a head that is missing").await;
    })
}

pub(crate) fn l7_no_row_holds_a_secret_nor_a_text_without_end() -> Tried {
    on_both(async |bench| {
        const SECRET: &str = "hunter2-in-the-ledger";
        let secret = || Some(format!("see https://me:{SECRET}@example.org/?api_key={SECRET}, token={SECRET}"));
        let record = Record {
            change: secret(),
            backend_id: secret(),
            locator: secret(),
            from: secret(),
            to: secret(),
            who: secret(),
            role: secret(),
            reason: secret(),
            source: secret(),
            mode: secret(),
            tool: secret(),
            rule: secret(),
            note: secret(),
            ..note("")
        };
        let long = |text: &str| Record { reason: Some(text.repeat(100_000)), ..note("long") };
        bench.ledger.record(vec![record, long("ä b "), long("\u{1}"), long("x\u{1f642}")]).await.unwrap();
        assert!(!bench.exported().contains(SECRET), "{}", bench.exported());
        let rows = bench.ledger.rows(1, 10).await.unwrap();
        for row in &rows {
            let reason = row.record.reason.as_deref().unwrap();
            assert!(reason.ends_with('…') && reason.len() <= 4_000, "{}", reason.len());
        }
        assert!(bench.exported().lines().all(|line| line.len() < 30_000));
        bench.is_whole("long texts").await;
    })
}
