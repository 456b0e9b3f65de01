//! Judges the facts about a store.

use counter_core::{
    Fact, Foreign, MemoryFacts, PersistenceFacts, Printable, ServerVersion, StoreFacts,
};

use super::diagnosis::Diagnosis;
use super::finding::{FindingCode as Code, Severity};

/// The oldest release of Redis that has what the scripts use.
const OLDEST_REDIS: (u32, u32) = (5, 0);

/// Clocks that differ by less are as good as the same, in microseconds.
const CLOCK_TOLERANCE: i64 = 5_000_000;

pub(super) fn unreachable(why: &str, diagnosis: &mut Diagnosis) {
    diagnosis.add(
        Severity::Error,
        Code::StoreUnreachable,
        why,
        "start the server, or correct REDIS_URL, the password or the rights of the user",
    );
}

pub(super) fn judge(facts: &StoreFacts, diagnosis: &mut Diagnosis) {
    if let Some(server) = diagnosis.store_reported(&facts.server, "version") {
        judge_version(server, diagnosis);
    }
    if let Some(memory) = diagnosis.store_reported(&facts.memory, "maxmemory-policy") {
        judge_memory(memory, diagnosis);
    }
    let fsync = diagnosis.store_reported(&facts.append_fsync, "appendfsync");
    let snapshots = diagnosis.store_reported(&facts.snapshots, "save");
    if let Some(persistence) = diagnosis.store_reported(&facts.persistence, "persistence") {
        judge_persistence(persistence, fsync, snapshots, diagnosis);
    }
    let is_replica = diagnosis.store_reported(&facts.is_replica, "role") == Some(&true);
    if is_replica {
        judge_replica(diagnosis);
    }
    if !is_replica {
        judge_increments(&facts.increments, diagnosis);
    }
    judge_rights(&facts.missing_rights, diagnosis);
    if let Some(clock) = diagnosis.store_reported(&facts.clock, "clock") {
        judge_clock(clock.difference(), diagnosis);
    }
    diagnosis.store_reported(&facts.generation, "generation");
    diagnosis.store_reported(&facts.high_water, "newest sequence");
    facts.occupied_names.iter().for_each(|name| judge_occupied(name, diagnosis));
}

fn judge_increments(increments: &Fact<Result<(), String>>, diagnosis: &mut Diagnosis) {
    let (Fact::Known(Err(why)) | Fact::Unknown(why)) = increments else {
        return;
    };
    diagnosis.add(
        Severity::Error,
        Code::StoreRefusesIncrements,
        format!("increments are not counted: {}", Printable(why)),
        "fix what the server reports; if it is a permission, let the user run INCRBY on all \
         names under the prefix",
    );
}

fn judge_rights(missing: &Fact<Result<Vec<String>, String>>, diagnosis: &mut Diagnosis) {
    let what = match missing {
        Fact::Known(Err(why)) | Fact::Unknown(why) => {
            format!("no scripts are run: {}", Printable(why))
        }
        Fact::Known(Ok(commands)) if !commands.is_empty() => {
            let commands = commands.join(", ");
            format!("this user may not run {}, or there is no such command", Printable(&commands))
        }
        Fact::Known(Ok(_)) | Fact::None => return,
    };
    diagnosis.add(
        Severity::Error,
        Code::StoreRefusesSyncs,
        format!("nothing can be synced, set or deleted: {what}"),
        "give the user the rights that docs/operating.md lists",
    );
}

fn judge_version(server: &ServerVersion, diagnosis: &mut Diagnosis) {
    if server.product == "Redis" && server.release() < OLDEST_REDIS {
        diagnosis.add(
            Severity::Warning,
            Code::StoreVersion,
            format!("{} is older than what is supported", Printable(&server.to_string())),
            "move to Redis 5 or later, or to Valkey",
        );
    }
}

/// Counters have no expiry, so the `volatile-` policies leave them alone.
fn judge_memory(memory: &MemoryFacts, diagnosis: &mut Diagnosis) {
    if memory.policy.starts_with("allkeys-") {
        let policy = Printable(&memory.policy);
        let advice =
            "set maxmemory-policy to noeviction, or give the counters a Redis of their own";
        if memory.limit > 0 {
            let evicted = memory.evicted;
            let message = format!(
                "maxmemory-policy is {policy}, which throws counters away when the memory is full \
                 ({evicted} keys of whatever kind were evicted since the server was started)"
            );
            diagnosis.add(Severity::Error, Code::StoreEvicts, message, advice);
        } else {
            let message = format!(
                "maxmemory-policy is {policy}, which would throw counters away if maxmemory were \
                 set"
            );
            diagnosis.add(Severity::Note, Code::StoreEvicts, message, advice);
        }
    } else if memory.limit > 0 && memory.used >= memory.limit - memory.limit / 10 {
        let (used, limit) = (memory.used, memory.limit);
        diagnosis.add(
            Severity::Warning,
            Code::StoreMemoryFull,
            format!(
                "{used} of at most {limit} bytes of memory are in use; when none is left, \
                 increments are refused"
            ),
            "run a sync, which frees memory, raise maxmemory, or remove what else the server holds",
        );
    }
}

fn judge_persistence(
    persistence: &PersistenceFacts,
    fsync: Option<&String>,
    snapshots: Option<&String>,
    diagnosis: &mut Diagnosis,
) {
    if !persistence.last_write_ok {
        diagnosis.add(
            Severity::Error,
            Code::StorePersistenceFails,
            "the server failed to write its data to the disk",
            "see the server's log, and whether its disk is full",
        );
    }
    if persistence.append_only {
        return judge_fsync(fsync.map(String::as_str), diagnosis);
    }
    let advice = "set appendonly to yes and appendfsync to always";
    let message = match snapshots.map(String::as_str) {
        Some("") => "the server keeps nothing on disk: a restart of it forgets all pending counts",
        _ => {
            "the server keeps no append-only file: a restart of it forgets what was counted since \
             the last snapshot"
        }
    };
    diagnosis.add(Severity::Warning, Code::StoreNotPersistent, message, advice);
}

fn judge_fsync(fsync: Option<&str>, diagnosis: &mut Diagnosis) {
    let advice = "set appendfsync to always if that is too much to lose";
    match fsync {
        Some("everysec") => diagnosis.add(
            Severity::Note,
            Code::StoreFsync,
            "appendfsync is everysec: a crash of the server's machine forgets the last second",
            advice,
        ),
        Some("no") => diagnosis.add(
            Severity::Warning,
            Code::StoreFsync,
            "appendfsync is no: a crash of the server's machine forgets half a minute or more",
            advice,
        ),
        _ => {}
    }
}

fn judge_replica(diagnosis: &mut Diagnosis) {
    diagnosis.add(
        Severity::Error,
        Code::StoreIsReplica,
        "the server is a replica: it refuses increments, or loses them to its primary",
        "connect to the primary",
    );
}

fn judge_clock(difference: i64, diagnosis: &mut Diagnosis) {
    if difference.saturating_abs() <= CLOCK_TOLERANCE {
        return;
    }
    let seconds = difference.unsigned_abs() / 1_000_000;
    let side = if difference > 0 { "ahead of" } else { "behind" };
    diagnosis.add(
        Severity::Warning,
        Code::StoreClock,
        format!("the server's clock is {seconds} s {side} this machine's"),
        "set both by NTP; no count depends on it, but the age of claims is measured by the \
         server's clock",
    );
}

fn judge_occupied(name: &Foreign, diagnosis: &mut Diagnosis) {
    diagnosis.add(
        Severity::Error,
        Code::StoreNameTaken,
        format!("{}, and nothing can be synced", Printable(&name.to_string())),
        "remove it if it is not needed, or choose another prefix; what is pending behind this one \
         stays there until it is synced",
    );
}

#[cfg(test)]
mod tests {
    use counter_core::ClockReading;

    use super::*;
    use crate::check::finding::Finding;

    fn judged(facts: &StoreFacts) -> Vec<Finding> {
        let mut diagnosis = Diagnosis::default();
        judge(facts, &mut diagnosis);
        diagnosis.into_findings()
    }

    fn found(change: impl FnOnce(&mut StoreFacts)) -> Vec<(Severity, Code)> {
        let mut facts = healthy();
        change(&mut facts);
        let findings = judged(&facts);
        findings.iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    fn memory(policy: &str, limit: u64, used: u64) -> Fact<MemoryFacts> {
        let mut facts = MemoryFacts::default();
        (facts.used, facts.limit, facts.policy) = (used, limit, policy.to_owned());
        Fact::Known(facts)
    }

    fn redis(number: &str) -> Fact<ServerVersion> {
        Fact::Known(ServerVersion { product: "Redis".to_owned(), number: number.to_owned() })
    }

    fn persistence(append_only: bool, last_write_ok: bool) -> Fact<PersistenceFacts> {
        let mut facts = PersistenceFacts::default();
        (facts.append_only, facts.last_write_ok) = (append_only, last_write_ok);
        Fact::Known(facts)
    }

    fn clock(server: i64) -> Fact<ClockReading> {
        Fact::Known(ClockReading { before: 10_000_000, server, after: 11_000_000 })
    }

    fn healthy() -> StoreFacts {
        let mut facts = StoreFacts::default();
        facts.server = redis("7.0.15");
        facts.memory = memory("noeviction", 1000, 500);
        facts.persistence = persistence(true, true);
        facts.append_fsync = Fact::Known("always".to_owned());
        facts.snapshots = Fact::Known(String::new());
        facts.is_replica = Fact::Known(false);
        facts.in_cluster = Fact::Known(false);
        facts.increments = Fact::Known(Ok(()));
        facts.missing_rights = Fact::Known(Ok(Vec::new()));
        facts.clock = clock(10_500_000);
        facts
    }

    #[test]
    fn nothing_is_found_where_all_is_well_or_nothing_is_reported() {
        assert_eq!(judged(&healthy()), []);
        assert_eq!(judged(&StoreFacts::default()), []);
    }

    #[test]
    fn an_old_redis_is_a_warning_and_a_valkey_has_versions_of_its_own() {
        use Severity::Warning;
        let old = found(|facts| facts.server = redis("4.0.14"));
        assert_eq!(old, [(Warning, Code::StoreVersion)]);
        let valkey = ServerVersion { product: "Valkey".to_owned(), number: "1.0".to_owned() };
        assert_eq!(found(|facts| facts.server = Fact::Known(valkey)), []);
        assert_eq!(found(|facts| facts.server = redis("5.0.0")), []);
    }

    #[test]
    fn eviction_matters_where_it_can_hit_counters_and_most_where_it_can_happen() {
        let policy = |policy: &'static str, limit, used| {
            found(move |facts| facts.memory = memory(policy, limit, used))
        };
        assert_eq!(policy("allkeys-lru", 1000, 10), [(Severity::Error, Code::StoreEvicts)]);
        assert_eq!(policy("allkeys-random", 0, 10), [(Severity::Note, Code::StoreEvicts)]);
        assert_eq!(policy("volatile-lru", 1000, 10), []);
        assert_eq!(policy("noeviction", 1000, 899), []);
        assert_eq!(policy("noeviction", 1000, 900), [(Severity::Warning, Code::StoreMemoryFull)]);
        assert_eq!(policy("noeviction", 0, u64::MAX), []);
        assert_eq!(
            policy("volatile-ttl", u64::MAX, u64::MAX),
            [(Severity::Warning, Code::StoreMemoryFull)]
        );
    }

    #[test]
    fn what_a_restart_forgets_is_reported_by_how_much_it_is() {
        let off = |snapshots: &'static str| {
            let mut facts = healthy();
            facts.persistence = persistence(false, true);
            facts.snapshots = Fact::Known(snapshots.to_owned());
            judged(&facts).remove(0)
        };
        assert!(off("").message.contains("nothing on disk"));
        assert!(off("3600 1").message.contains("last snapshot"));
        assert_eq!(off("").code, Code::StoreNotPersistent);
        let fsync = |value: &str| found(|facts| facts.append_fsync = Fact::Known(value.to_owned()));
        assert_eq!(fsync("everysec"), [(Severity::Note, Code::StoreFsync)]);
        assert_eq!(fsync("no"), [(Severity::Warning, Code::StoreFsync)]);
        let failing = found(|facts| facts.persistence = persistence(true, false));
        assert_eq!(failing, [(Severity::Error, Code::StorePersistenceFails)]);
    }

    #[test]
    fn a_refusal_is_found_and_so_is_a_question_without_an_answer() {
        let why = "NOPERM".to_owned();
        let increments = [(Severity::Error, Code::StoreRefusesIncrements)];
        for fact in [Fact::Known(Err(why.clone())), Fact::Unknown(why.clone())] {
            assert_eq!(found(|facts| facts.increments = fact), increments);
        }
        let syncs = [(Severity::Error, Code::StoreRefusesSyncs)];
        let missing = Fact::Known(Ok(vec!["SET".to_owned()]));
        for fact in [missing, Fact::Known(Err(why.clone())), Fact::Unknown(why)] {
            assert_eq!(found(|facts| facts.missing_rights = fact), syncs);
        }
    }

    #[test]
    fn a_replica_is_an_error_and_a_clock_may_be_a_few_seconds_off() {
        let replica = found(|facts| facts.is_replica = Fact::Known(true));
        assert_eq!(replica, [(Severity::Error, Code::StoreIsReplica)]);
        let warning = [(Severity::Warning, Code::StoreClock)];
        assert_eq!(found(|facts| facts.clock = clock(16_000_000)), []);
        assert_eq!(found(|facts| facts.clock = clock(16_000_001)), warning);
        assert_eq!(found(|facts| facts.clock = clock(5_000_000)), []);
        assert_eq!(found(|facts| facts.clock = clock(4_999_999)), warning);
        assert_eq!(found(|facts| facts.clock = clock(i64::MIN)), warning);
        let message = |difference| {
            let mut diagnosis = Diagnosis::default();
            judge_clock(difference, &mut diagnosis);
            diagnosis.into_findings().remove(0).message
        };
        assert_eq!(message(7_200_500_000), "the server's clock is 7200 s ahead of this machine's");
        assert_eq!(message(-6_000_000), "the server's clock is 6 s behind this machine's");
    }

    #[test]
    fn what_is_refused_for_one_reason_is_one_finding() {
        let mut facts = healthy();
        facts.append_fsync = Fact::Unknown("NOPERM\n".to_owned());
        facts.snapshots = Fact::Unknown("NOPERM\n".to_owned());
        facts.server = Fact::Unknown("another".to_owned());
        let findings = judged(&facts);
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|finding| finding.code == Code::StoreUnchecked));
        assert_eq!(findings[1].message, "could not be checked: appendfsync, save: NOPERM\\n");
    }
}
