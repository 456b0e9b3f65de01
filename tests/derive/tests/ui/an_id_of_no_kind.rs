use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct Float {
    id: f64,
}

#[derive(HasCounters)]
struct Yes {
    id: bool,
}

#[derive(HasCounters)]
struct Large {
    id: u128,
}

#[derive(HasCounters)]
struct Bytes {
    id: Vec<u8>,
}

#[derive(HasCounters)]
struct Fixed<'a> {
    id: &'a [u8; 16],
}

fn main() {}
