//! The cases, one file a topic.

mod another_scope;
mod audit;
mod broken;
mod bulk;
mod calls;
mod capabilities;
mod closing;
mod concurrency;
mod credentials;
mod entries;
mod failures;
mod isolation;
mod listing;
mod names;
mod opening;
mod processes;
mod references;
mod registration;
mod rehearsal;
mod revision;
mod scopes;
mod validation;
mod write_answers;
mod writes;

use crate::case::Case;

/// Every case, in the order of rules.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [
        names::CASES,
        opening::CASES,
        capabilities::CASES,
        credentials::CASES,
        isolation::CASES,
        closing::CASES,
        failures::CASES,
        references::CASES,
        writes::CASES,
        concurrency::CASES,
        processes::CASES,
        bulk::CASES,
        listing::CASES,
        entries::CASES,
        validation::CASES,
        broken::CASES,
        write_answers::CASES,
        revision::CASES,
        scopes::CASES,
        registration::CASES,
        calls::CASES,
        audit::CASES,
        another_scope::CASES,
        rehearsal::CASES,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::cases;

    #[test]
    fn names_begin_with_the_rule_and_are_unique_and_in_order() {
        let all: Vec<_> = cases().collect();
        for case in &all {
            assert!(case.name.starts_with(&format!("rule_{:02}_", case.rule)), "{}", case.name);
        }
        assert!(all.is_sorted_by_key(|c| c.rule), "the modules are in the order of rules");
        let mut names: Vec<_> = all.iter().map(|c| c.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn every_rule_that_is_checked_is_stated() {
        let rules = include_str!("../../../../spec/BACKEND.md");
        for case in cases() {
            let numbered = rules.contains(&format!("\n{}. **", case.rule));
            assert!(numbered, "{} cites a rule that BACKEND.md does not state", case.name);
        }
    }
}
