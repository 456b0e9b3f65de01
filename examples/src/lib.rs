//! Example applications; each stands by itself in a file or folder beside `src`.
