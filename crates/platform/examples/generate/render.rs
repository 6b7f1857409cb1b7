//! Generates Rust from the data files. A row of a table becomes a line of a static array, so that diffs stay readable.

use std::fmt::Write as _;

use crossdock_platform::{Architecture, Os, Platform, Vocabulary};

/// The conversion of a column to a field.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    /// Required text.
    Text,
    /// Text, or `-` for `None`.
    Optional,
    /// A number.
    Number,
    /// A platform in normal form.
    Platform,
    /// A platform in normal form, or `-` for `None`.
    OptionalPlatform,
    /// `yes` or `no`.
    Flag,
    /// A known operating system, or `-` for `None`.
    Os,
    /// A known architecture, or `-` for `None`.
    Architecture,
    /// A vocabulary.
    Vocabulary,
    /// A C library, or `-` for `None`.
    Libc,
    /// `yes`, `no` or `-` for `None`.
    Trilean,
    /// A variant of the named enum, spelled in lower case. With a leading `?` it may be `-` for `None`.
    Enum(&'static str),
}

/// One generated file.
pub(crate) struct Table {
    pub(crate) source: &'static str,
    pub(crate) target: &'static str,
    /// The struct of a row.
    pub(crate) row: &'static str,
    /// The name of the array.
    pub(crate) array: &'static str,
    /// The imports of the generated file.
    pub(crate) imports: &'static [&'static str],
    pub(crate) columns: &'static [Column],
}

pub(crate) const TABLES: &[Table] = &[
    Table {
        source: "data/rust-targets.tsv",
        target: "src/tables/rust_targets.rs",
        row: "RustSpec",
        array: "RUST_TARGETS",
        imports: &[
            "super::{CrtStatic, RustSpec, key}",
            "crate::abi::FloatAbi",
            "crate::architecture::{Architecture, Endianness}",
            "crate::os::Os",
        ],
        columns: &[
            Column::Text,
            Column::OptionalPlatform,
            Column::Text,
            Column::Optional,
            Column::Optional,
            Column::Enum("?FloatAbi"),
            Column::Number,
            Column::Enum("Endianness"),
            Column::Enum("CrtStatic"),
            Column::Number,
            Column::Flag,
            Column::Optional,
            Column::Text,
            Column::Optional,
            Column::Optional,
        ],
    },
    Table {
        source: "data/platforms.tsv",
        target: "src/tables/platforms.rs",
        row: "PlatformSpec",
        array: "PLATFORMS",
        imports: &["super::{PlatformSpec, key}", "crate::architecture::Architecture", "crate::os::Os"],
        columns: &[
            Column::Platform,
            Column::Optional,
            Column::Optional,
            Column::Optional,
            Column::Optional,
            Column::Optional,
            Column::Optional,
            Column::Optional,
            Column::Optional,
            Column::Optional,
            Column::Optional,
            Column::Optional,
            Column::Number,
        ],
    },
    Table {
        source: "data/vocabulary.tsv",
        target: "src/tables/vocabulary.rs",
        row: "Row",
        array: "ROWS",
        imports: &[
            "super::Row",
            "crate::abi::{FloatAbi, Libc}",
            "crate::architecture::Architecture",
            "crate::os::Os",
            "crate::vocabulary::Vocabulary",
        ],
        columns: &[
            Column::Text,
            Column::Vocabulary,
            Column::Os,
            Column::Architecture,
            Column::Optional,
            Column::Libc,
            Column::Enum("?FloatAbi"),
            Column::Optional,
            Column::Optional,
            Column::Optional,
            Column::Trilean,
            Column::Optional,
        ],
    },
];

/// Returns the Rust for `table` from the text of its data file.
///
/// # Panics
/// If a row has a wrong number of columns or an unknown name. Correct the data file.
pub(crate) fn render(table: &Table, data: &str) -> String {
    let mut lines = data.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let fields: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let rows: Vec<&str> = lines.collect();
    let mut out = format!(
        "// Generated from {} by `cargo run -p crossdock-platform --example generate`: change that file instead.\n\n",
        table.source
    );
    for import in table.imports {
        writeln!(out, "use {import};").expect("writing to a String cannot fail");
    }
    let (array, row, count) = (table.array, table.row, rows.len());
    writeln!(out, "\npub(crate) static {array}: [{row}; {count}] = [")
        .expect("writing to a String cannot fail");
    for line in rows {
        let values: Vec<&str> = line.split('\t').collect();
        assert_eq!(values.len(), table.columns.len(), "{}: {line}", table.source);
        let fields = fields.iter().zip(&values).zip(table.columns);
        let fields: Vec<String> =
            fields.map(|((field, value), column)| format!("{field}: {}", literal(*column, value))).collect();
        writeln!(out, "    {row} {{ {} }},", fields.join(", ")).expect("writing to a String cannot fail");
    }
    out.push_str("];\n");
    out
}

fn literal(column: Column, value: &str) -> String {
    match column {
        Column::Text => format!("{value:?}"),
        Column::Optional if value == "-" => "None".to_owned(),
        Column::Optional => format!("Some({value:?})"),
        Column::Number => value.to_owned(),
        Column::Os | Column::Architecture | Column::Libc | Column::Trilean if value == "-" => {
            "None".to_owned()
        }
        Column::Os => format!("Some(Os::{:?})", Os::from_name(value).expect("an operating system")),
        Column::Architecture => {
            format!("Some(Architecture::{:?})", Architecture::from_name(value).expect("an architecture"))
        }
        Column::Vocabulary => {
            format!("Vocabulary::{:?}", Vocabulary::from_name(value).expect("a vocabulary"))
        }
        Column::Libc => format!("Some(Libc::{})", if value == "gnu" { "GNU" } else { "Musl" }),
        Column::Trilean => format!("Some({})", value == "yes"),
        Column::Flag => (value == "yes").to_string(),
        Column::Platform => key(value),
        Column::OptionalPlatform if value == "-" => "None".to_owned(),
        Column::OptionalPlatform => format!("Some({})", key(value)),
        Column::Enum(name) => match name.strip_prefix('?') {
            Some(_) if value == "-" => "None".to_owned(),
            Some(name) => format!("Some({name}::{})", capitalized(value)),
            None => format!("{name}::{}", capitalized(value)),
        },
    }
}

fn key(value: &str) -> String {
    let platform = Platform::parse(value).unwrap_or_else(|error| panic!("{error}"));
    format!(
        "key(Os::{:?}, Architecture::{:?}, {:?})",
        platform.os(),
        platform.architecture(),
        platform.variant()
    )
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
