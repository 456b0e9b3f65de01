use super::shown;

/// Formats rows: numbers first, in columns of their own, and the name last, so that a long one
/// disturbs no column on a narrow terminal.
pub(crate) fn table<const N: usize>(rows: &[([String; N], String)]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let numbers = rows.iter().filter_map(|(numbers, _)| numbers.get(column));
        numbers.map(String::len).max().unwrap_or(0)
    });
    let mut table = String::new();
    for (numbers, name) in rows {
        for (number, width) in numbers.iter().zip(widths) {
            table.push_str(&format!("{number:>width$}  "));
        }
        table.push_str(&shown(name));
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_columns_and_names_at_the_end() {
        let row = |a: &str, b: &str, name: &str| ([a.to_owned(), b.to_owned()], name.to_owned());
        let rows = [row("12", "-5", "user"), row("3", "1000", "a\u{1b}b")];
        assert_eq!(table(&rows), "12    -5  user\n 3  1000  a\\u{1b}b\n");
        assert_eq!(table::<1>(&[]), "");
    }
}
