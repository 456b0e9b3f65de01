//! The example `worker_service` as a program: what it answers, also while Redis is away, and how it
//! stops.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use counter_diesel::SyncOptions;
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::program::{Program, example};
use counter_tests::site::Site;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use rustix::process::Signal;

/// The running service.
struct Service {
    program: Program,
    output: Box<dyn BufRead>,
    address: String,
}

impl Service {
    fn start(site: &Site) -> Self {
        let mut command = example("worker_service");
        command.env("DATABASE_URL", site.database().url()).env("REDIS_URL", site.redis().url());
        // The tests sync when they want to.
        let never = command.env("LISTEN", "127.0.0.1:0").env("SYNC_SECONDS", "3600");
        let mut program = Program::start(never);
        let mut output = BufReader::new(program.take_output());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening at http://").map(str::to_owned);
        let address = address.unwrap_or_else(|| panic!("{line:?}, {:?}", program));
        Self { program, output: Box::new(output), address }
    }

    fn get(&self, path: &str) -> HttpAnswer {
        HttpAnswer::of(self.send("GET", path))
    }

    fn view(&self, id: i64) -> HttpAnswer {
        HttpAnswer::of(self.send("POST", &format!("/posts/{id}/view")))
    }

    fn send(&self, method: &str, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn terminate(&self) {
        self.program.signal(Signal::TERM);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct HttpAnswer {
    status: u16,
    body: String,
}

impl HttpAnswer {
    fn of(mut stream: TcpStream) -> Self {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, body: body.to_owned() }
    }
}

/// The page of post 1 with these views.
fn page(views: i64, is_exact: bool) -> HttpAnswer {
    let body = format!(r#"{{"exact":{is_exact},"id":1,"title":"Hot rows","views":{views}}}"#);
    HttpAnswer { status: 200, body }
}

#[test]
fn views_are_exact_and_the_list_is_that_of_the_last_sync() {
    let site = Site::with_postgres();
    let service = Service::start(&site);
    assert_eq!(service.get("/posts/1"), page(0, true));
    for views in 1..=3 {
        assert_eq!(service.view(1), HttpAnswer { status: 204, body: String::new() });
        assert_eq!(service.get("/posts/1"), page(views, true));
    }
    assert_eq!(service.view(2).status, 204);
    assert_eq!(service.get("/posts/4").status, 404);
    assert_eq!(service.get("/posts/one").status, 400);
    assert_eq!(service.get("/top").body, "[]");
    sync(&site);
    assert_eq!(service.get("/top").body, r#"[{"id":1,"views":3},{"id":2,"views":1}]"#);
    assert_eq!(service.get("/posts/1"), page(3, true));
}

/// Does what another process of the application does.
fn sync(site: &Site) {
    let report = site.counters().sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn while_redis_is_away_pages_show_the_last_sync_and_views_are_refused() {
    let site = Site::with_postgres();
    let service = Service::start(&site);
    service.view(1);
    sync(&site);
    service.view(1);
    assert_eq!(service.get("/posts/1"), page(2, true));
    site.redis().kill();
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(service.get("/posts/1"), page(1, false));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        let start = Instant::now();
        assert_eq!(service.view(1).status, 503);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
    site.redis().start_again();
    let mut unknown = 0;
    wait_for("a view to be counted", || {
        let status = service.view(1).status;
        unknown += i64::from(status == 202);
        (status == 204).then_some(())
    });
    let shown = service.get("/posts/1");
    assert!((3..=3 + unknown).any(|views| shown == page(views, true)), "{shown:?}, {unknown}");
}

#[test]
fn the_service_starts_without_redis() {
    let site = Site::with_postgres();
    site.redis().kill();
    let service = Service::start(&site);
    assert_eq!(service.get("/posts/1"), page(0, false));
    assert_eq!(service.view(1).status, 503);
}

#[test]
fn asked_to_stop_it_finishes_what_it_is_at_and_makes_a_last_sync() {
    let site = Site::with_postgres();
    let mut service = Service::start(&site);
    (0..5).for_each(|_| assert_eq!(service.view(1).status, 204));
    // A request that takes as long as the test wants.
    let mut lock = PgConnection::establish(&site.database().url()).unwrap();
    lock.batch_execute("BEGIN; LOCK TABLE posts IN ACCESS EXCLUSIVE MODE").unwrap();
    let in_flight = service.send("GET", "/posts/1");
    wait_for("the request to be held up", || site.database().has_lock_waits().then_some(()));
    service.terminate();
    let is_closed = || TcpStream::connect(&service.address).is_err().then_some(());
    wait_for("no further request to be taken", is_closed);
    let in_flight = thread::spawn(|| HttpAnswer::of(in_flight));
    lock.batch_execute("COMMIT").unwrap();
    assert_eq!(in_flight.join().unwrap(), page(5, true));

    let ended = service.program.finish();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let mut output = String::new();
    service.output.read_to_string(&mut output).unwrap();
    assert_eq!(output, "stopped after 1 syncs of 1 counters\n");
    let post = post(1);
    assert_eq!(site.counters().baseline(post, "views").unwrap(), 5);
}
