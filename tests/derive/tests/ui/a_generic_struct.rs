use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct Post<State: Default, const SIZE: usize> {
    id: i64,
    state: [State; SIZE],
}

fn main() {}
