//! The package `renamed` has the public case. `tests/ui` shows that an enum is not *more* visible
//! than its model.

mod models {
    use counter_diesel::HasCounters;

    #[derive(HasCounters)]
    #[counters(keys(views))]
    pub(crate) struct OfTheCrate {
        pub(crate) id: i64,
    }

    pub(super) mod inner {
        use counter_diesel::HasCounters;

        #[derive(HasCounters)]
        #[counters(keys(views))]
        pub(in super::super) struct OfAModule {
            pub(in super::super) id: i64,
        }
    }
}

use models::inner::{OfAModule, OfAModuleCounter};
use models::{OfTheCrate, OfTheCrateCounter};

#[test]
fn the_enum_and_what_it_has_is_visible_where_the_model_is() {
    assert_eq!(OfTheCrateCounter::ALL, [OfTheCrateCounter::Views]);
    assert_eq!(OfAModuleCounter::ALL, [OfAModuleCounter::Views]);
    assert_eq!(OfAModuleCounter::Views.as_str(), "views");
    assert_eq!((OfTheCrate { id: 2 }.id, OfAModule { id: 3 }.id), (2, 3));
}
