//! Lines of text in any script: order of letters (UAX 9), a font for each, shaping, and breaking into lines.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Feature, UnicodeBuffer, ttf_parser};
use unicode_bidi::BidiInfo;

use super::fonts::{Family, TypeCase, Voice};

/// A line, ready to be drawn from left to right.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) runs: Vec<Run>,
    /// For a size of one point.
    pub(super) width: f32,
    /// What the line says where it cannot be drawn as it is: a letter that no font of ours has.
    pub(super) spoken: Option<String>,
}

/// Letters of one font and one direction.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) font: Font,
    pub(super) text: String,
    pub(super) glyphs: Vec<KrillaGlyph>,
    pub(super) width: f32,
}

/// Breaks a text where it says so and where `width` points of room at `size` end. Never empty.
pub(super) fn wrapped(case: &TypeCase, voice: Voice, text: &str, size: f32, width: f32) -> Vec<Line> {
    let family = case.family(voice);
    let mut lines = Vec::new();
    for part in text.lines() {
        let mut line = String::new();
        for word in part.split_whitespace().flat_map(|word| cut(family, word, width / size)) {
            let longer = if line.is_empty() { word.clone() } else { format!("{line} {word}") };
            if !line.is_empty() && set(family, &longer).width * size > width {
                lines.push(set(family, &line));
                line = word;
            } else {
                line = longer;
            }
        }
        lines.push(set(family, &line));
    }
    if lines.is_empty() {
        lines.push(set(family, ""));
    }
    lines
}

/// One line, however long.
pub(super) fn single(case: &TypeCase, voice: Voice, text: &str) -> Line {
    set(case.family(voice), text)
}

/// A word that is longer than a line, in pieces that are not.
fn cut(family: &Family, word: &str, room: f32) -> Vec<String> {
    if set(family, word).width <= room {
        return vec![word.to_owned()];
    }
    let mut pieces = vec![String::new()];
    for letter in word.chars() {
        let Some(piece) = pieces.last_mut() else { break };
        piece.push(letter);
        if piece.chars().count() > 1 && set(family, piece).width > room {
            piece.pop();
            pieces.push(letter.to_string());
        }
    }
    pieces
}

fn set(family: &Family, text: &str) -> Line {
    let clean: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let drawn: String = clean.chars().map(|letter| drawable(family, letter)).collect();
    let mut line = Line { runs: Vec::new(), width: 0.0, spoken: None };
    let bidi = BidiInfo::new(&drawn, None);
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for range in runs {
            let backwards = levels[range.start].is_rtl();
            let mut pieces = by_face(family, &drawn[range]);
            if backwards {
                pieces.reverse();
            }
            line.runs.extend(pieces.into_iter().map(|(face, text)| shaped(family, face, text, backwards)));
        }
    }
    line.width = line.runs.iter().map(|run| run.width).sum();
    line.spoken = (drawn != clean).then_some(clean);
    line
}

/// The letter, or what stands for one that no font has.
fn drawable(family: &Family, letter: char) -> char {
    let shown = |letter| family.with(letter).is_some();
    match letter {
        '\u{a0}' | '\u{202f}' if !shown(letter) => ' ',
        '\u{2212}' | '\u{2011}' if !shown(letter) => '-',
        _ if invisible(letter) || shown(letter) => letter,
        _ => '?',
    }
}

/// Marks of direction and joining: they steer and are not seen.
fn invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Pieces of one font each, in the order of reading. What joins letters stays with them.
fn by_face<'a>(family: &Family, text: &'a str) -> Vec<(usize, &'a str)> {
    let mut pieces: Vec<(usize, usize)> = Vec::new();
    for (at, letter) in text.char_indices() {
        let before = pieces.last().map(|(face, _)| *face);
        let stays = before.is_some_and(|face| invisible(letter) || family.face(face).has(letter));
        if !stays {
            pieces.push((family.with(letter).or(before).unwrap_or(0), at));
        }
    }
    let ends = pieces.iter().skip(1).map(|(_, at)| *at).chain([text.len()]);
    pieces.iter().zip(ends).map(|((face, at), end)| (*face, &text[*at..end])).collect()
}

fn shaped(family: &Family, face: usize, text: &str, backwards: bool) -> Run {
    let face = family.face(face);
    // Marks of direction have done their work, and PDF/A does not want glyphs for them.
    let text: String = text
        .chars()
        .filter(|letter| !invisible(*letter) || matches!(letter, '\u{200c}' | '\u{200d}'))
        .collect();
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(&text);
    buffer.guess_segment_properties();
    buffer.set_direction(if backwards { Direction::RightToLeft } else { Direction::LeftToRight });
    // Figures of one width, so that columns of them can be compared.
    let figures = Feature::new(ttf_parser::Tag::from_bytes(b"tnum"), 1, ..);
    let output = rustybuzz::shape(&face.shaper, &[figures], buffer);
    let em = face.font.units_per_em();
    let mut starts: Vec<usize> = output.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    starts.sort_unstable();
    let glyphs: Vec<KrillaGlyph> = output
        .glyph_infos()
        .iter()
        .zip(output.glyph_positions())
        .map(|(info, place)| {
            let start = info.cluster as usize;
            let end =
                starts.get(starts.partition_point(|known| *known <= start)).copied().unwrap_or(text.len());
            let part = |units: i32| units as f32 / em;
            let id = GlyphId::new(info.glyph_id);
            KrillaGlyph::new(
                id,
                part(place.x_advance),
                part(place.x_offset),
                part(place.y_offset),
                0.0,
                start..end,
                None,
            )
        })
        .collect();
    let width = glyphs.iter().map(|glyph| glyph.x_advance).sum();
    Run { font: face.font.clone(), text, glyphs, width }
}
