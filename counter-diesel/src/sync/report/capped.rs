/// Things of one kind: all are counted, the first [`Capped::LISTED`] are kept.
#[derive(Debug)]
pub struct Capped<T> {
    count: u64,
    first: Vec<T>,
}

impl<T> Capped<T> {
    /// How many are kept; a store full of them must not fill the memory.
    pub const LISTED: usize = 100;

    /// How many there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether there were none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether there were more than are kept.
    pub(crate) const fn is_cut(&self) -> bool {
        self.count > Self::LISTED as u64
    }

    /// The first of them.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.first.iter()
    }

    /// Returns findings of which there are so many, and these the first to list.
    pub(crate) fn of(count: usize, first: impl IntoIterator<Item = T>) -> Self {
        Self { count: count as u64, first: first.into_iter().take(Self::LISTED).collect() }
    }

    pub(crate) fn push(&mut self, thing: T) {
        self.count += 1;
        if self.first.len() < Self::LISTED {
            self.first.push(thing);
        }
    }
}

impl<T> Default for Capped<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<'a, T> IntoIterator for &'a Capped<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
