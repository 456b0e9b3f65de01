//! What Redis and the database themselves may forget, get wrong or refuse, on real servers of the
//! tests' own, and what becomes of the counts then.

mod asynchronous_commit;
mod claimed_by_two;
mod clock;
mod eviction;
mod full;
mod old_copies;
mod recorded;
mod remembered;
mod replicas;
mod scripts;
mod setting;
mod waitaof;
mod went_back;
