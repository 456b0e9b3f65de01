//! The example `r2d2_redis_pool` as a program.

use counter_tests::program::{Program, ProgramEnd, example};
use counter_tests::servers::RedisServer;

fn run(redis_url: &str) -> ProgramEnd {
    Program::start(example("r2d2_redis_pool").env("REDIS_URL", redis_url)).finish()
}

#[test]
fn it_counts_through_the_applications_pool() {
    let redis = RedisServer::start();
    for _ in 0..2 {
        let ended = run(&redis.url());
        assert!(ended.status.success() && ended.errors.is_empty(), "{ended:?}");
        let lines = ended.output.lines().collect::<Vec<_>>();
        assert_eq!((lines[0], lines[2]), ("2 downloads", "2 in the table"), "{ended:?}");
        assert!(lines[1].starts_with("applied 1 of 1 counters in "), "{ended:?}");
    }
    let names = "r2d2_redis_pool:*:user:123:downloads";
    let pending = redis::cmd("KEYS").arg(names).query::<Vec<String>>(&mut redis.bare());
    assert_eq!(pending.unwrap(), [""; 0], "it is in the table");
}

#[test]
fn without_redis_it_says_so() {
    let ended = run("redis://127.0.0.1:1/");
    assert!(!ended.status.success(), "{ended:?}");
    assert!(ended.errors.contains("Connection refused"), "{ended:?}");
}
