//! Changes, on a real SQLite file and a real Postgres, with an agent's real `mcp.md` (CHANGES.md).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod asking;
mod crowd;
mod deciding;
mod executing;
mod kill;
mod model;
mod room;
mod wrong;

use std::process::ExitCode;

use room::Kind;

macro_rules! on_both {
    ($($module:ident::$test:ident,)+) => {
        mcp_registry_test_trials::run([$(
            (concat!("sqlite::", stringify!($test)), (|| room::on(Kind::Sqlite, |room| Box::pin($module::$test(room)))) as fn() -> _),
            (concat!("postgres::", stringify!($test)), (|| room::on(Kind::Postgres, |room| Box::pin($module::$test(room)))) as fn() -> _),
        )+])
    };
}

fn main() -> ExitCode {
    if kill::is_worker() {
        return kill::work();
    }
    let code = on_both![
        asking::h2_what_cannot_be_told_is_refused,
        deciding::h3_what_has_ended_stays_as_it_is,
        asking::h4_the_identity_is_what_is_asked_for_and_where,
        asking::h5_h6_the_same_is_asked_for_once,
        asking::h7_a_preview_shows_all_and_writes_nothing,
        asking::h8_a_request_lacks_one_thing_after_another,
        asking::h8_a_token_says_who_asks,
        deciding::h9_what_is_approved_is_done_once,
        deciding::h9_a_time_is_waited_for,
        executing::h6_what_is_being_carried_out_is_not_asked_for_again,
        executing::h11_who_was_taken_for_dead_tells_what_came_of_it,
        executing::h4_what_was_altered_is_not_decided_on,
        executing::h10_what_changed_since_is_a_conflict,
        executing::h10_the_policy_is_asked_again,
        executing::h10_every_way_out_ends_it,
        deciding::h12_what_nobody_decides_expires,
        deciding::h12_what_expires_while_somebody_waits_is_not_carried_out,
        deciding::h13_who_asked_does_not_decide,
        deciding::h13_nobody_is_another_by_what_is_masked,
        asking::h2_h8_what_waits_is_bounded,
        deciding::h14_the_urgent_comes_first,
        executing::l3_a_torn_export_is_completed_when_what_is_over_is_ended,
        executing::l2_l7_denials_are_on_record_and_no_secret_is,
        crowd::h5_sixty_four_who_ask_the_same_get_one,
        crowd::h3_of_those_who_decide_one_wins,
        crowd::h10_nothing_is_carried_out_twice,
        model::h3_any_interleaving_keeps_to_the_states,
        kill::h11_a_killed_executor_leaves_what_is_true,
    ];
    room::stop_postgres();
    code
}
