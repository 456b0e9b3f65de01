diesel::table! {
    posts {
        id -> Integer,
        title -> Text,
    }
}

diesel::table! {
    likes (post_id, reader) {
        post_id -> Integer,
        reader -> Text,
    }
}
