use serde::{Serialize, Serializer};

use crate::overview::migrations::MigrationStatus;

impl Serialize for MigrationStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape {
            name: &'static str,
            state: &'static str,
        }
        Shape { name: self.name, state: self.state.as_str() }.serialize(serializer)
    }
}
