//! Servers that misbehave: each fails in its own way, in its time, alone, and leaves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calls;
mod failures;
mod left;
mod many;
mod names;
mod remote;
mod support;

use std::process::{Command, ExitCode};

use mcp_registry_test_server::serve_if_asked;
use mcp_registry_test_trials::{Report, Test, run};

macro_rules! tests {
    ($($room:ident: $($test:ident),+;)+) => {
        [$($((stringify!($test), (|| Report::tried($room::$test())) as fn() -> _)),+),+]
    };
}

fn main() -> ExitCode {
    if let Some(ended) = serve_if_asked() {
        return ended;
    }
    let args: Vec<_> = std::env::args().collect();
    if let Some(word @ ("sweep" | "sweep-nothing")) = args.get(1).map(String::as_str) {
        left::sweeping(word == "sweep-nothing");
        return ExitCode::SUCCESS;
    }
    if std::env::var_os("MCP_REGISTRY_AUTH_TOKEN").is_none() {
        // Setting a variable of a process is unsafe; one of a child is not.
        let status = Command::new(&args[0]).args(&args[1..]).env("MCP_REGISTRY_AUTH_TOKEN", "own").status();
        return ExitCode::from(status.ok().and_then(|status| status.code()).map_or(1, |code| u8::from(code != 0)));
    }
    let tests: [Test; _] = tests! {
        calls: s12_a_tool_is_called_and_answers, s12_progress_is_told_and_a_call_can_be_given_up,
            s12_a_lost_connection_says_why, s12_a_call_that_nobody_waits_for_is_cancelled,
            s12_a_server_that_does_not_read_keeps_nobody, s6_a_server_gets_the_environment_less_what_is_this_programs;
        failures: s5_each_phase_has_its_time, s9_a_death_is_told_with_its_code_and_last_words,
            s9_a_death_is_told_where_a_child_holds_the_output, s9_of_much_that_was_said_the_end_is_kept,
            s10_what_is_no_message_is_a_failure, s10_bounds_hold, s5_a_server_may_refuse,
            s5_what_cannot_be_started_says_so, s1_what_the_gate_refuses_stops_everything,
            s13_a_verifier_has_the_last_word;
        left: s7_nothing_is_left_by_those_who_do_not_want_to_go, s7_a_dropped_pool_leaves_nothing,
            s7_a_connect_that_is_given_up_leaves_nothing, s7_a_closed_pool_leaves_nothing,
            s8_what_shed_every_mark_is_swept_by_a_process_of_no_other_children,
            s8_nothing_is_swept_where_there_was_a_child_before, s8_children_of_the_process_itself_are_let_alone;
        many: s5_a_slow_one_of_many_holds_nobody_up, s10_ten_thousand_tools_are_no_trouble;
        remote: s4_a_redirect_is_not_followed, s4_messages_go_to_the_origin_of_the_url_only,
            s5_what_a_remote_server_lacks_is_told;
        names: s11_forged_names_are_refused, s11_two_servers_cannot_have_one_qualified_name;
    };
    run(tests)
}
