//! How the source is laid out: which file may know which, and how large files and functions are.

mod circles;
mod layers;
mod paths;
mod sizes;
mod source;
mod surface;
mod words;
