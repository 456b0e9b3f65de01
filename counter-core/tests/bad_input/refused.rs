//! What is no input of its kind, in one table that every entrance is given: the parsers, stores,
//! the library and the command.

use counter_core::{CounterKey, InputKind, OwnerText, OwnerType, Prefix, TableName};

/// What is refused, by what it is given as.
const REFUSED: &[(InputKind, &[&str])] = &[
    (InputKind::OwnerType, &["", "\0", "po\0st"]),
    (InputKind::CounterKey, &["", "\0", "vie\0ws"]),
    (
        InputKind::OwnerId,
        &[
            "",
            "\0",
            "%34%32",
            "%61",
            "%3a",
            "%",
            "{",
            "9223372036854775808",
            "-9223372036854775809",
        ],
    ),
    (
        InputKind::CounterId,
        &[
            "",
            "x",
            "user:1",
            "user:1:",
            ":1:d",
            "user::d",
            "user:99999999999999999999:d",
            "user:%34%32:d",
            "user:%61:d",
            "user:%3a:d",
            "user:a\nb:d",
            "user:1:%64",
            "user:1:%3a",
            "user:1:a\nb",
            "user:1:d:e",
            "user:1:d@day:2026-02-31",
            "user:1:{d}",
            "{user:1:d}",
        ],
    ),
    (
        InputKind::Claim,
        &[
            "",
            "1",
            "junk",
            "0:add:1",
            "-1:add:1",
            "01:add:1",
            "1:add:",
            "1:add:01",
            "1:add:1:",
            "1:add:99999999999999999999",
            "9007199254740992:add:1",
            "9223372036854775807:set:1",
            "1:inc:1",
            "1:del:1",
        ],
    ),
    (
        InputKind::Prefix,
        &["", "c", "app", "{:", "}:", "{}:", "a}{b:", "{a}{b}:", "{a{b}:", "{a}}:", "{{a:", "\0:"],
    ),
    (InputKind::Pattern, &["", "[", "[a", "a[^", "\\", "a\\", "[a\\", "[é]", "[a-é]"]),
    (
        InputKind::TableName,
        &[
            "",
            ".",
            "a.",
            ".a",
            "a.b.c",
            "a ",
            " a.b",
            "a\"b",
            "\"a",
            "\"a\"b",
            "\"\"",
            "\"a\".",
            "a\0",
            "a\n",
            "a\u{202e}b",
        ],
    ),
    (InputKind::StoreKind, &["", "REDIS", "Redis", "redis ", "disk"]),
    (InputKind::BatchSize, &["", "0", "-1", " 1", "1e3", "1000.0", "99999999999999999999"]),
    (InputKind::Grain, &["", "Day", "days", "minute", "day:2026-11-28"]),
    (InputKind::Period, &["", "day", "day:", "day:2026-02-31", "week:2026-W54", "month:2026-1"]),
];

/// What is no pending count, in a store.
pub(crate) const REFUSED_COUNTS: &[&str] = &[
    "",
    "abc",
    "007",
    "-0",
    "+1",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "0x10",
    "9223372036854775808",
    "99999999999999999999",
    "1\0",
];

/// Returns everything that is refused, also what is only too long.
pub(crate) fn refused() -> Vec<(InputKind, String)> {
    let listed = REFUSED.iter().flat_map(|(kind, texts)| texts.iter().map(|text| (*kind, *text)));
    let mut refused: Vec<_> = listed.map(|(kind, text)| (kind, text.to_owned())).collect();
    refused.extend([
        (InputKind::OwnerType, "é".repeat(OwnerType::MAX_CHARS + 1)),
        (InputKind::OwnerId, "é".repeat(OwnerText::MAX_CHARS + 1)),
        (InputKind::CounterKey, "é".repeat(CounterKey::MAX_CHARS + 1)),
        (InputKind::Prefix, "é".repeat(Prefix::MAX_CHARS) + ":"),
        (InputKind::TableName, "x".repeat(TableName::MAX_TABLE_BYTES + 1)),
        (InputKind::TableName, "x".repeat(TableName::MAX_SCHEMA_BYTES + 1) + ".hits"),
    ]);
    refused
}
