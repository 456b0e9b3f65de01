use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct Text {
    id: String,
}

#[derive(HasCounters)]
struct Borrowed<'a> {
    id: &'a str,
}

#[derive(HasCounters)]
struct Float {
    id: f64,
}

#[derive(HasCounters)]
struct Yes {
    id: bool,
}

fn main() {}
