use std::fs;
use std::path::{Path, PathBuf};

/// A text of the project, as it is in its folder.
pub struct Document {
    /// Its path, from the root of the project.
    pub name: String,
    pub text: String,
}

/// A block of code in a document.
#[derive(Debug)]
pub struct Block<'a> {
    /// What stands behind the fence, such as `rust,no_run`.
    pub language: &'a str,
    /// Its lines, without the indentation of the fence.
    pub code: String,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All texts for people.
pub fn documents() -> Vec<Document> {
    let folders = ["", "docs", "counter-cli", "counter-diesel", "counter-derive/src"];
    let mut names = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            if file.ends_with(".md") {
                names.push(Path::new(folder).join(file).to_str().unwrap().to_owned());
            }
        }
    }
    names.sort();
    names.iter().map(|name| document(name)).collect()
}

pub fn document(name: &str) -> Document {
    let text = fs::read_to_string(root().join(name)).unwrap();
    Document { name: name.to_owned(), text }
}

impl Document {
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let (mut blocks, mut lines) = (Vec::new(), self.text.lines());
        while let Some(line) = lines.next() {
            let Some(language) = line.trim_start().strip_prefix("```") else { continue };
            let indentation = line.len() - line.trim_start().len();
            let inside = lines.by_ref().take_while(|line| line.trim_start() != "```");
            let code =
                inside.map(|line| line.get(indentation..).unwrap_or_default().to_owned() + "\n");
            blocks.push(Block { language, code: code.collect() });
        }
        blocks
    }

    /// The code of the blocks in this language.
    pub fn code_in(&self, language: &str) -> Vec<String> {
        let blocks = self.blocks().into_iter();
        blocks.filter(|block| block.language == language).map(|block| block.code).collect()
    }

    /// Its lines outside of blocks.
    pub fn prose(&self) -> Vec<&str> {
        let mut is_code = false;
        let is_prose = |line: &&str| {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            !is_code && !is_fence
        };
        self.text.lines().filter(is_prose).collect()
    }

    /// What links to its headings end with.
    pub fn anchors(&self) -> Vec<String> {
        let prose = self.prose().into_iter();
        let headings = prose.filter_map(|line| {
            line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))
        });
        headings.map(anchor).collect()
    }
}

/// As GitHub makes them.
fn anchor(heading: &str) -> String {
    let kept =
        heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}
