//! Papers as a PDF reader sees them: text in its order, fonts embedded, as many pages as needed, structure and language.

use std::path::PathBuf;
use std::process::Command;

use themes::paper::{self, Sheet, Size, samples};
use themes::{Brand, Registry, Scheme, Skin, Themes, View, Words};

fn printed(sheet: &Sheet, brand: Brand, locale: &str) -> Vec<u8> {
    let themes = Themes::build(Registry::new()).expect("the themes compile");
    let skin = Skin::new(brand);
    let shell = themes::samples::shell(Scheme::Light, locale, "x.html");
    let now = themes::samples::now();
    let view = View {
        skin: &skin,
        locale: themes.locale(locale),
        zone: chrono_tz::Europe::Oslo,
        now,
        shell: &shell,
    };
    paper::print(sheet, &Words::new(&view), &skin, now).expect("it is printed")
}

/// Writes the paper where a reader can open it; the folder goes with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let folder = std::env::var_os("PAPERS").map_or_else(std::env::temp_dir, PathBuf::from);
        let path = folder.join(format!("paper-{}-{name}.pdf", std::process::id()));
        std::fs::write(&path, bytes).expect("it is written");
        Self(path)
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).arg(&self.0).arg("-").output();
        let output =
            output.unwrap_or_else(|error| panic!("{program} (Debian package poppler-utils): {error}"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn about(&self, program: &str) -> String {
        let output = Command::new(program).arg(&self.0).output().expect("poppler-utils is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if std::env::var_os("PAPERS").is_none() {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

#[test]
fn a_reader_finds_every_word_and_every_font() {
    let file = File::new("many", &printed(&samples::sheet(60), themes::samples::techflow(), "en"));
    let text = file.ask("pdftotext", &["-layout"]);
    for word in [
        "Invoice INV-2041",
        "Copy",
        "Brightwater Utilities",
        "Прокладка",
        "Βαλβίδα",
        "İstanbul",
        "To pay",
        "€14,814.00",
    ] {
        assert!(text.contains(word), "{word} is missing:\n{text}");
    }
    assert!(text.contains("TechFlow Industries · Invoice INV-2041"), "pages name themselves");
    let heads = text.matches("Quantity").count();
    let about = file.about("pdfinfo");
    let pages: usize = about
        .lines()
        .find_map(|line| line.strip_prefix("Pages:"))
        .expect("pages")
        .trim()
        .parse()
        .expect("a number");
    assert!(pages > 2 && heads == pages, "the head of the table is on each of {pages} pages, {heads} times");
    assert!(
        about.contains("Title:           Invoice INV-2041") && about.contains("Tagged:          yes"),
        "{about}"
    );
    assert!(about.contains("A4"), "{about}");
    let fonts = file.about("pdffonts");
    let rows: Vec<&str> = fonts.lines().skip(2).collect();
    // Columns from the end: embedded, subset, unicode, object and generation.
    let embedded = |row: &&str| row.split_whitespace().rev().skip(2).take(3).all(|word| word == "yes");
    assert!(rows.len() > 5 && rows.iter().all(|row| embedded(&row)), "{fonts}");
    let structure = Command::new("pdfinfo").arg("-struct").arg(&file.0).output().expect("poppler-utils");
    let structure = String::from_utf8_lossy(&structure.stdout);
    for role in ["H1", "Table", "TH", "TD"] {
        assert!(structure.contains(role), "{role} is not in\n{structure}");
    }
}

#[test]
fn every_brand_and_language_prints_and_letter_is_letter() {
    for brand in themes::samples::brands() {
        for locale in ["en", "ar"] {
            let sheet = Sheet { size: Size::Letter, ..samples::sheet(3) };
            let name = format!("{}-{locale}", brand.pack.name());
            let file = File::new(&name, &printed(&sheet, brand.clone(), locale));
            let about = file.about("pdfinfo");
            assert!(about.contains("letter") && about.contains("Pages:           1"), "{about}");
        }
    }
}

#[test]
fn a_sheet_without_rows_says_so() {
    let file = File::new("empty", &printed(&samples::sheet(0), themes::samples::harrow(), "en"));
    assert!(file.ask("pdftotext", &["-layout"]).contains("No lines"));
}
