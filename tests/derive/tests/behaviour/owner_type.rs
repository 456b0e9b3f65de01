use counter_diesel::HasCounters;
use counter_diesel::query::OwnerType;

#[derive(HasCounters)]
struct Post {
    id: i64,
}

#[derive(HasCounters)]
struct BlogPost {
    id: i64,
}

#[derive(HasCounters)]
struct HTTPRequest2 {
    id: i64,
}

#[derive(HasCounters)]
#[allow(non_camel_case_types)]
struct r#type {
    id: i64,
}

#[derive(HasCounters)]
#[counters(owner_type = "App\\Models: {Artikel} №1")]
struct Article {
    id: i64,
}

#[derive(HasCounters)]
#[counters(owner_type = "world")]
struct Global {
    id: i64,
}

#[test]
fn the_owner_type_is_the_structs_name_in_snake_case() {
    assert_eq!(Post::OWNER_TYPE.as_str(), "post");
    assert_eq!(BlogPost::OWNER_TYPE.as_str(), "blog_post");
    assert_eq!(HTTPRequest2::OWNER_TYPE.as_str(), "http_request2");
}

#[test]
fn the_mark_of_a_raw_identifier_is_no_part_of_the_owner_type() {
    assert_eq!(r#type::OWNER_TYPE.as_str(), "type");
}

#[test]
fn the_option_replaces_the_structs_name() {
    assert_eq!(Article::OWNER_TYPE.as_str(), "App\\Models: {Artikel} №1",);
}

#[test]
fn a_struct_called_global_only_needs_another_owner_type() {
    assert_eq!(Global::OWNER_TYPE.as_str(), "world");
    assert_ne!(Global::OWNER_TYPE, OwnerType::GLOBAL);
}

// 255 characters of two bytes each: the macro and the core count alike.
macro_rules! longest {
    ($text:literal) => {
        #[derive(HasCounters)]
        #[counters(owner_type = $text)]
        struct Longest {
            id: i64,
        }
    };
}

longest!(
    "ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää\
     ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää\
     äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää"
);

#[test]
fn the_longest_owner_type_that_the_core_takes_is_accepted() {
    let chars = Longest::OWNER_TYPE.as_str().chars().count();
    assert_eq!(chars, OwnerType::MAX_CHARS);
}
