//! Threads that count while something else goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

use counter_diesel::Counters;

use crate::fixtures::post;

/// Threads that increment `post:0:views` and so on by 1 until they are stopped. They end with the
/// test, also when it panics.
pub struct Writers {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<i64>>>,
    posts: i64,
}

impl Writers {
    /// Starts this many threads over this many posts.
    pub fn start(threads: i64, posts: i64, counters: &Counters) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let start = |first| {
            let (counters, is_over) = (counters.clone(), Arc::clone(&is_over));
            thread::spawn(move || write(&counters, first, posts, &is_over))
        };
        Self { threads: (0..threads).map(start).collect(), is_over: Arc::clone(&is_over), posts }
    }

    /// Stops them and returns how often each post was counted.
    pub fn stop(mut self) -> Vec<i64> {
        self.is_over.store(true, Relaxed);
        let mut total = vec![0; self.posts as usize];
        for thread in self.threads.drain(..) {
            let counted = thread.join().expect("every increment is counted");
            total.iter_mut().zip(counted).for_each(|(total, counted)| *total += counted);
        }
        total
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
    }
}

fn write(counters: &Counters, first: i64, posts: i64, is_over: &AtomicBool) -> Vec<i64> {
    let mut counted = vec![0; posts as usize];
    let mut number = first;
    while !is_over.load(Relaxed) {
        number = (number + 1) % posts;
        counters.increment(post(number), "views", 1).expect("Redis is there");
        counted[number as usize] += 1;
    }
    counted
}

/// What the table has of these posts.
pub fn baselines(counters: &Counters, posts: i64) -> Vec<i64> {
    (0..posts).map(|id| counters.baseline(post(id), "views").expect("it is read")).collect()
}
