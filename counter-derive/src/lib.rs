//! The derive macro of `counter-diesel`.
