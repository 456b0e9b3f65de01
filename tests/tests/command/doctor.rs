use counter_diesel::{CheckUp, Severity};
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::{Value, json};

use super::json_shapes::assert_documented;

pub(super) const CASES: &[Case<World>] = &[
    ("a doctor finds what a check-up finds", |world| {
        let check_up = world.counters().check();
        assert!(check_up.worst() == Some(Severity::Warning), "{check_up}");
        let found = world.json_of(&["doctor"]);
        assert_documented(&found);
        assert_eq!(codes_and_advice(&found), in_json(&check_up));
        assert_eq!(found["worst"], json!("warning"));
        let database = check_up.database.unwrap();
        let server = json!({ "product": database.product, "version": database.number });
        assert_eq!(found["database"], server);
        assert_eq!(found["store"]["product"], json!("Redis"));
    }),
    ("each finding stands by itself with what to do, and only errors fail", |world| {
        let output = world.output_of(&["doctor"]);
        let (summary, findings) = output.split_once("\n\n").unwrap();
        assert!(summary.starts_with("Redis ") && summary.ends_with(" finding"), "{output}");
        let finding = findings.lines().collect::<Vec<_>>();
        assert_eq!(finding[0], "warning store-not-persistent", "{output}");
        assert!(finding[1].starts_with("  ") && finding[2].starts_with("  to do: "), "{output}");
        world.drop_tables();
        let ended = world.run(&["doctor"]);
        assert_eq!((ended.code(), ended.errors.as_str()), (1, ""), "{ended:?}");
        assert!(ended.output.contains("\n\nerror schema-missing\n  "), "{ended:?}");
        let ended = world.run(&["doctor", "--json"]);
        assert_eq!(ended.code(), 1, "{ended:?}");
        assert_eq!(counter_tests::command::json(&ended.output)["worst"], json!("error"));
    }),
    ("what stands in the store reaches no terminal raw", |world| {
        let name = format!("{}\u{1b}[31mx", world.prefix);
        let () = redis::cmd("SET").arg(name).arg(1).query(&mut bare(&shared_url())).unwrap();
        for arguments in [&["doctor"][..], &["doctor", "--json"]] {
            let output = world.run(arguments).output;
            assert!(output.contains("foreign-names") && !output.contains('\u{1b}'), "{output}");
        }
    }),
    ("beside an application's own memory only the database is looked at", |world| {
        let mut command = world.command();
        command.env_remove("REDIS_URL").env("COUNTER_STORE", "memory");
        let output = command.args(["doctor", "--json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let found = counter_tests::command::json(&String::from_utf8(output.stdout).unwrap());
        assert_eq!((&found["store"], &found["findings"]), (&json!(null), &json!([])));
        assert!(found["database"].is_object() && found["worst"].is_null(), "{found}");
    }),
];

/// Of each finding what does not vary from look to look.
fn codes_and_advice(found: &Value) -> Vec<[Value; 3]> {
    let findings = found["findings"].as_array().unwrap().iter();
    let fields = ["severity", "code", "advice"];
    findings.map(|finding| fields.map(|field| finding[field].clone())).collect()
}

fn in_json(check_up: &CheckUp) -> Vec<[Value; 3]> {
    let findings = check_up.findings.iter().map(|finding| {
        [finding.severity.to_string(), finding.code.to_string(), finding.advice.to_owned()]
    });
    findings.map(|texts| texts.map(Value::from)).collect()
}
