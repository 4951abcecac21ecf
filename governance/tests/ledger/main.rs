//! The ledger: that it holds what happened, and tells when it does not any more.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod bench;
mod content;
mod export;
mod rows;
mod tampering;

use std::process::ExitCode;

use mcp_registry_test_trials::{Report, Tried, run};

use content::*;
use export::*;
use rows::*;
use tampering::*;

macro_rules! all {
    ($($test:ident,)+) => { [$((stringify!($test), (|| Report::tried($test())) as fn() -> Tried)),+] };
}

fn main() -> ExitCode {
    let code = run(all![
        l1_rows_are_numbered_without_a_gap_whoever_writes,
        l1_a_row_is_canonical_json_sealed_by_its_hash,
        l2_a_row_stands_or_falls_with_its_transaction,
        l2_without_a_head_nothing_is_written,
        l7_no_row_holds_a_secret_nor_a_text_without_end,
        l3_the_export_is_the_table_line_by_line,
        l3_a_torn_last_line_is_completed_wherever_it_was_torn,
        l3_an_export_that_does_not_fit_is_left_as_it_is,
        l3_an_export_is_its_owners_and_no_link,
        l3_many_rows_are_exported_in_order,
        l4_whatever_is_done_to_rows_is_found,
        l4_rows_sealed_anew_are_found,
        l4_rows_that_come_meanwhile_are_no_finding,
        l5_the_anchor_tells_what_was_cut_off_both,
        l6_content_is_what_the_rows_tell,
        l6_a_write_that_never_ended_explains_both,
        l6_what_overlaps_explains_either,
        l6_who_died_long_ago_is_no_excuse,
        l6_what_is_accepted_is_explained,
        l6_the_storages_own_audit_explains,
    ]);
    bench::stop_postgres();
    code
}
