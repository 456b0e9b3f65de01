use std::process::Command;

use counter_diesel::check::{CheckUp, Severity};
use counter_tests::command::json;
use counter_tests::fixtures::user;
use counter_tests::program::{Program, ProgramEnd};
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::{Value, json};

use super::json_shapes::assert_documented;

pub(super) const CASES: &[Case<World>] = &[
    ("a doctor says what a check-up finds and what to do, and fails only for errors", |world| {
        // Its name is in a finding, and reaches no terminal raw.
        let name = format!("{}\u{1b}[31mx", world.prefix);
        let () = redis::cmd("SET").arg(name).arg(1).query(&mut bare(&shared_url())).unwrap();
        // Servers for tests forget more in a crash than those of an application should.
        let check_up = world.counters().check();
        let (code, found) = found(&mut world.command());
        assert_documented(&found);
        assert_eq!(codes_and_advice(&found), in_json(&check_up));
        assert_eq!(code, i32::from(check_up.worst() == Some(Severity::Error)), "{check_up}");
        assert_eq!(found["worst"], json!(check_up.worst().unwrap().to_string()));
        let database = check_up.database.unwrap();
        let server = json!({ "product": database.product, "version": database.number });
        assert_eq!(found["database"], server);
        assert_eq!(found["store"]["product"], json!("Redis"));
        world.drop_tables();
        assert_eq!(world.run(&["doctor", "--json"]).code(), 1);
        assert_text(&world.run(&["doctor"]));
    }),
    ("where the prefix was changed, all of them are listed with what they hold", |world| {
        world.counters().increment(user(1), "views", 1).unwrap();
        assert_eq!(world.run(&["sync"]).code(), 0);
        world.counters().increment(user(1), "views", 1).unwrap();
        let (old, new) = (world.prefix.as_str(), format!("new-{}", world.prefix.as_str()));
        let mut command = world.command();
        let ended = Program::start(command.env("COUNTER_PREFIX", &new).arg("doctor")).finish();
        let (_, listed) = ended.output.split_once("\nprefixes\n").expect(&ended.output);
        let mut lines = listed.lines().collect::<Vec<_>>();
        lines.sort_by_key(|line| line.contains("never synced"));
        let [of_old, of_new] = lines[..] else { panic!("{ended:?}") };
        assert_eq!(
            of_new,
            format!("  {new} (the present one): never synced, 0 counters hold something")
        );
        assert!(of_old.starts_with(&format!("  {old}: synced last at 2")), "{of_old}");
        assert!(of_old.ends_with(" UTC, 1 counters hold something"), "{of_old}");
    }),
    ("beside an application's own memory only the database is looked at", |world| {
        let mut command = world.command();
        let (_, found) = found(command.env_remove("REDIS_URL").env("COUNTER_STORE", "memory"));
        assert!(found["store"].is_null() && found["database"].is_object(), "{found}");
        let findings = codes_and_advice(&found);
        let is_of_database = |code: &Value| code.as_str().unwrap().starts_with("database-");
        assert!(findings.iter().all(|[_, code, _]| is_of_database(code)), "{found}");
    }),
];

/// The findings, one of them an error, each by itself with what to do.
fn assert_text(ended: &ProgramEnd) {
    assert_eq!((ended.code(), ended.errors.as_str()), (1, ""), "{ended:?}");
    assert!(!ended.output.contains('\u{1b}'), "{ended:?}");
    let mut parts = ended.output.split("\n\n");
    let summary = parts.next().unwrap();
    assert!(summary.starts_with("Redis ") && summary.ends_with(" findings"), "{ended:?}");
    let parts = parts.map(|part| part.lines().collect::<Vec<_>>()).collect::<Vec<_>>();
    for part in &parts {
        let [_, message, advice] = part[..] else { panic!("{ended:?}") };
        assert!(message.starts_with("  ") && advice.starts_with("  to do: "), "{ended:?}");
    }
    for heading in ["error schema-missing", "warning foreign-names"] {
        assert!(parts.iter().any(|part| part[0] == heading), "{ended:?}");
    }
}

/// The exit code, and what is printed as JSON.
fn found(command: &mut Command) -> (i32, Value) {
    let ended = Program::start(command.args(["doctor", "--json"])).finish();
    assert_eq!(ended.errors, "", "{ended:?}");
    assert!(!ended.output.contains('\u{1b}'), "{ended:?}");
    (ended.code(), json(&ended.output))
}

/// The part of each finding that is the same in every look.
fn codes_and_advice(found: &Value) -> Vec<[Value; 3]> {
    let findings = found["findings"].as_array().unwrap().iter();
    let fields = ["severity", "code", "advice"];
    findings.map(|finding| fields.map(|field| finding[field].clone())).collect()
}

fn in_json(check_up: &CheckUp) -> Vec<[Value; 3]> {
    let findings = check_up.findings.iter().map(|finding| {
        [finding.severity.to_string(), finding.code.to_string(), finding.advice.to_string()]
    });
    findings.map(|texts| texts.map(Value::from)).collect()
}
