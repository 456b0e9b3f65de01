//! Judges the facts about the sentinels that name a store's server.

use std::collections::BTreeSet;

use counter_core::{Fact, Printable, SentinelFacts, StoreFacts};

use super::diagnosis::Diagnosis;
use super::finding::{FindingCode as Code, Severity};

/// With fewer, one that fails leaves no majority, and a failover takes one.
const ENOUGH_SENTINELS: u64 = 3;

/// Returns the master that is followed: its name and its address.
pub(super) fn master_of(facts: &StoreFacts) -> Option<String> {
    let SentinelFacts { master_name, master, .. } = facts.sentinel.known()?;
    Some(format!("{master_name} at {}", master.as_ref()?))
}

pub(super) fn judge(facts: &StoreFacts, diagnosis: &mut Diagnosis) {
    let Fact::Known(sentinel) = &facts.sentinel else { return };
    judge_silent(sentinel, diagnosis);
    judge_named(sentinel, diagnosis);
    judge_unnamed(sentinel, diagnosis);
    if sentinel.known < ENOUGH_SENTINELS {
        diagnosis.add(
            Severity::Note,
            Code::SentinelsFew,
            format!(
                "sentinels that are known: {}. When one fails, no failover happens",
                sentinel.known
            ),
            "run three, on machines that do not fail together",
        );
    }
}

fn judge_silent(sentinel: &SentinelFacts, diagnosis: &mut Diagnosis) {
    if sentinel.silent.is_empty() {
        return;
    }
    let silent = sentinel.silent.iter().map(|(address, why)| format!("{address}: {why}"));
    let silent = silent.collect::<Vec<_>>().join("; ");
    diagnosis.add(
        Severity::Warning,
        Code::SentinelSilent,
        format!("a sentinel in the URL names no master: {}", Printable(&silent)),
        "start it, or correct the URL; while none answers, counting goes on, but no failover is \
         followed",
    );
}

fn judge_named(sentinel: &SentinelFacts, diagnosis: &mut Diagnosis) {
    let addresses: BTreeSet<_> = sentinel.named.iter().map(|(_, address)| address).collect();
    if addresses.len() < 2 {
        return;
    }
    let named = sentinel.named.iter().map(|(who, address)| format!("{who} names {address}"));
    let named = named.collect::<Vec<_>>().join("; ");
    diagnosis.add(
        Severity::Warning,
        Code::SentinelsDisagree,
        format!("the sentinels do not name the same address: {}", Printable(&named)),
        "if no failover is going on, look whether one of them is cut off from the others, and \
         give `announce-hostnames` the same value on all of them",
    );
}

/// A claim is applied once no sentinel in the URL knows of a failover. The one that conducts it may
/// be another one.
fn judge_unnamed(sentinel: &SentinelFacts, diagnosis: &mut Diagnosis) {
    let in_url = (sentinel.named.len() + sentinel.silent.len()) as u64;
    if sentinel.known <= in_url {
        return;
    }
    diagnosis.add(
        Severity::Warning,
        Code::SentinelsUnnamed,
        format!(
            "the URL names {in_url} of {} sentinels: in a failover that another one conducts, \
             claims may be applied that the next master does not know",
            sentinel.known
        ),
        "name every sentinel in the URL, each by its own address; if there are fewer than that, \
         reset what the sentinels know of each other: SENTINEL RESET",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::finding::Finding;

    fn facts(known: u64, silent: &[&str]) -> StoreFacts {
        let mut sentinel = SentinelFacts::default();
        sentinel.master_name = "mymaster".to_owned();
        sentinel.master = Some("10.0.0.1:6379".to_owned());
        sentinel.known = known;
        let silence = |address: &&str| ((*address).to_owned(), "timed out\n".to_owned());
        sentinel.silent = silent.iter().map(silence).collect();
        let answer = |number| (format!("s{number}:1"), "r1:1".to_owned());
        sentinel.named = (silent.len() as u64..known).map(answer).collect();
        let mut facts = StoreFacts::default();
        facts.sentinel = Fact::Known(sentinel);
        facts
    }

    fn findings(facts: &StoreFacts) -> Vec<Finding> {
        let mut diagnosis = Diagnosis::default();
        judge(facts, &mut diagnosis);
        diagnosis.into_findings()
    }

    fn found(facts: &StoreFacts) -> Vec<(Severity, Code)> {
        findings(facts).iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    #[test]
    fn nothing_is_found_where_all_is_well_or_no_master_is_followed() {
        assert_eq!(found(&facts(3, &[])), []);
        let mut unrelated = facts(1, &["s:1"]);
        unrelated.sentinel = Fact::None;
        assert_eq!(found(&unrelated), []);
        assert_eq!(master_of(&unrelated), None);
    }

    #[test]
    fn the_master_is_named_with_its_address() {
        assert_eq!(master_of(&facts(3, &[])).as_deref(), Some("mymaster at 10.0.0.1:6379"));
    }

    #[test]
    fn sentinels_that_do_not_answer_are_named_on_one_line() {
        let silent = findings(&facts(3, &["s1:26379", "s2:26379"]));
        let message = &silent[0].message;
        assert_eq!(silent[0].code, Code::SentinelSilent);
        assert!(message.ends_with("s1:26379: timed out\\n; s2:26379: timed out\\n"), "{message}");
    }

    #[test]
    fn sentinels_that_name_different_masters_are_found_with_what_each_names() {
        let mut facts = facts(3, &[]);
        let Fact::Known(sentinel) = &mut facts.sentinel else { unreachable!() };
        let named = |who: &str, address: &str| (who.to_owned(), address.to_owned());
        sentinel.named = ["s1:1", "s2:1", "s3:1"].map(|who| named(who, "r1:1")).into();
        assert_eq!(found(&facts), []);
        let Fact::Known(sentinel) = &mut facts.sentinel else { unreachable!() };
        sentinel.named[2] = named("s3:1", "10.0.0.1:1");
        let disagree = findings(&facts);
        assert_eq!(disagree[0].code, Code::SentinelsDisagree);
        let message = &disagree[0].message;
        assert!(message.ends_with("s2:1 names r1:1; s3:1 names 10.0.0.1:1"), "{message}");
    }

    #[test]
    fn sentinels_that_the_url_does_not_name_are_found() {
        let mut facts = facts(3, &["s1:26379"]);
        let Fact::Known(sentinel) = &mut facts.sentinel else { unreachable!() };
        sentinel.known = 4;
        let unnamed = findings(&facts);
        assert_eq!(unnamed[1].code, Code::SentinelsUnnamed);
        assert!(unnamed[1].message.starts_with("the URL names 3 of 4 sentinels"), "{unnamed:?}");
    }

    #[test]
    fn too_few_sentinels_are_found() {
        assert_eq!(found(&facts(2, &[])), [(Severity::Note, Code::SentinelsFew)]);
    }
}
