use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcp_registry_governance::{Head, Row};
use mcp_registry_spec::Digest;
use mcp_registry_test_trials::Tried;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::bench::{Bench, note, on_both, run};

/// What somebody does to rows.
#[derive(Debug, Clone)]
enum Deed {
    /// Turns over a bit of a row.
    Flip {
        at: usize,
        bit: u8,
    },
    Remove,
    /// Swaps the row with the next.
    Swap,
    /// Puts the row in once more.
    Double,
    /// Cuts off the row and what follows.
    Cut,
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (any::<usize>(), 0..8u8).prop_map(|(at, bit)| Deed::Flip { at, bit }),
        1 => Just(Deed::Remove),
        1 => Just(Deed::Swap),
        1 => Just(Deed::Double),
        1 => Just(Deed::Cut),
    ]
}

/// Texts with whatever JSON, redaction and canonical form trip over.
fn texts() -> impl Strategy<Value = Vec<String>> {
    let text = prop_oneof![
        "\\PC{0,30}",
        "[a-z \"\\\\{}:,\u{0}-\u{1f}]{0,30}",
        Just("\"hash\":\"sha256:\",\"seq\":1".to_owned()),
    ];
    prop::collection::vec(text, 2..9)
}

/// Does it to the lines; gives whether that makes a difference.
fn tamper(lines: &mut Vec<Vec<u8>>, deed: &Deed, victim: usize) -> bool {
    let before = lines.clone();
    match deed {
        Deed::Flip { at, bit } => {
            let line = &mut lines[victim];
            let at = at % line.len();
            line[at] ^= 1 << bit;
        }
        Deed::Remove => drop(lines.remove(victim)),
        Deed::Swap if victim + 1 < lines.len() => lines.swap(victim, victim + 1),
        Deed::Swap => return false,
        Deed::Double => lines.insert(victim, lines[victim].clone()),
        Deed::Cut => lines.truncate(victim),
    }
    *lines != before
}

/// Any sequence of rows verifies; whatever is done to it, in the export or in the table, is found.
pub(crate) fn l4_whatever_is_done_to_rows_is_found() -> Tried {
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let cases = runner.run(
        &(texts(), deeds(), any::<prop::sample::Index>(), any::<bool>()),
        |(texts, deed, victim, in_table)| {
            run(async {
                let bench = Bench::new();
                bench.ledger.record(texts.iter().map(|text| note(text)).collect()).await.unwrap();
                bench.is_whole("as it was written").await;
                let mut lines: Vec<_> = bench.exported().lines().map(|line| line.as_bytes().to_vec()).collect();
                if !tamper(&mut lines, &deed, victim.index(texts.len())) {
                    return;
                }
                let what = format!("{deed:?} {} of {texts:?}", victim.index(texts.len()));
                if in_table {
                    in_the_table(&bench, &lines).await;
                } else {
                    let mut bytes = lines.join(&b'\n');
                    bytes.extend((!bytes.is_empty()).then_some(b'\n'));
                    std::fs::write(bench.export(), bytes).unwrap();
                }
                bench.found(None, &what).await;
            });
            Ok(())
        },
    );
    cases.unwrap();
    Ok(())
}

/// Makes these lines the rows of the table, as well as somebody can who does not seal them anew.
async fn in_the_table(bench: &Bench, lines: &[Vec<u8>]) {
    bench.sql("DELETE FROM mcp_ledger").await;
    for (line, seq) in lines.iter().zip(1..) {
        let body = String::from_utf8_lossy(line).into_owned();
        let stated = |line: &str| serde_json::from_str::<Row>(line).map(|row| row.hash).unwrap_or(Digest::ZERO);
        bench.sql(&format!("INSERT INTO mcp_ledger VALUES ({seq}, '', '')")).await;
        bench.set(seq, &body, &stated(&body).to_string()).await;
    }
}

/// Who can write the table can make it whole again, and its head; but not the export with it.
pub(crate) fn l4_rows_sealed_anew_are_found() -> Tried {
    on_both(async |bench| {
        bench.fill(4).await;
        let other = Bench::new();
        other.ledger.record(["row 0", "row X", "row 2", "row 3"].map(note).to_vec()).await.unwrap();
        let rows = other.ledger.rows(0, 10).await.unwrap();
        for (line, row) in other.exported().lines().zip(&rows) {
            bench.set(row.seq, line, &row.hash.to_string()).await;
        }
        let old = bench.ledger.head().await.unwrap();
        let found = bench.found(None, "another history, under the old head").await;
        assert!(found.contains("table the head of the ledger is of another row"), "{found}");
        bench.sql(&format!("UPDATE mcp_ledger_head SET hash = '{}'", rows[3].hash)).await;
        let found = bench.found(None, "another history").await;
        assert!(found.contains("export the rows are others than those of the table"), "{found}");
        std::fs::copy(other.export(), bench.export()).unwrap();
        bench.is_whole("a history that was replaced everywhere").await;
        let found = bench.found(Some(old), "which only an anchor tells").await;
        assert!(found.contains("this row is not the anchored one"), "{found}");
        // Cut in the table and its head, the export shows it.
        bench.sql("DELETE FROM mcp_ledger WHERE seq > 2").await;
        bench.sql(&format!("UPDATE mcp_ledger_head SET seq = 2, hash = '{}'", rows[1].hash)).await;
        let found = bench.found(None, "a table that was cut").await;
        assert!(found.contains("export the table does not have this row"), "{found}");
        assert!(bench.ledger.publish().await.is_err());
    })
}

pub(crate) fn l4_rows_that_come_meanwhile_are_no_finding() -> Tried {
    on_both(async |bench| {
        bench.fill(5).await;
        let over = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let (ledger, over) = (bench.ledger.clone(), over.clone());
                tokio::spawn(async move {
                    while !over.load(Ordering::Relaxed) {
                        ledger.record(vec![note("meanwhile")]).await.unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..20 {
            bench.is_whole("while others write").await;
        }
        over.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
    })
}

pub(crate) fn l5_the_anchor_tells_what_was_cut_off_both() -> Tried {
    on_both(async |bench| {
        bench.fill(3).await;
        let anchor = bench.ledger.head().await.unwrap();
        let early = Head { seq: 2, hash: bench.ledger.rows(1, 1).await.unwrap()[0].hash };
        bench.fill(2).await;
        for good in [anchor, early, Head { seq: 0, hash: Digest::ZERO }] {
            assert!(bench.verify(Some(good)).await.ok, "{good:?}");
        }
        for wrong in [Head { seq: 9, ..anchor }, Head { seq: 3, ..early }, Head { seq: 0, ..anchor }] {
            bench.found(Some(wrong), &format!("{wrong:?}")).await;
        }
        // Everything at this place is made to say that there were two rows.
        bench.sql("DELETE FROM mcp_ledger WHERE seq > 2").await;
        bench.sql(&format!("UPDATE mcp_ledger_head SET seq = 2, hash = '{}'", early.hash)).await;
        let kept: Vec<_> = bench.exported().lines().take(2).map(|line| format!("{line}\n")).collect();
        std::fs::write(bench.export(), kept.concat()).unwrap();
        bench.is_whole("cut everywhere").await;
        assert!(bench.verify(Some(early)).await.ok);
        let found = bench.found(Some(anchor), "which only the anchor tells").await;
        assert!(found.contains("the last row is 2, and it was 3: rows were cut off"), "{found}");
    })
}
