//! Writes a laid-out paper as PDF/A-2 with its structure (PDF/UA-1): title, language, headings, tables, order of reading.

use std::num::NonZeroU16;

use chrono::{DateTime, Datelike, Timelike, Utc};
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{self, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, Node as TagNode, SpanTag, TableHeaderScope, Tag,
    TagGroup, TagTree,
};
use krilla::{Document, SerializeSettings};

use super::PrintFault;
use super::pages::{LaidOut, Mark, Node, Role};
use crate::{colour::Rgb, locale::Direction, skin::Skin, words::Words};

pub(super) fn print(
    paper: &LaidOut,
    words: &Words,
    skin: &Skin,
    made_at: DateTime<Utc>,
) -> Result<Vec<u8>, PrintFault> {
    let mut document = Document::new_with(settings()?);
    let mut ids = vec![Vec::new(); paper.nodes.len()];
    for page in &paper.pages {
        let settings = PageSettings::from_wh(paper.width, paper.height)
            .ok_or_else(|| PrintFault("a page has no size".to_owned()))?;
        let mut sheet = document.start_page_with(settings);
        let mut surface = sheet.surface();
        for mark in page {
            draw(&mut surface, mark, &mut ids);
        }
        surface.finish();
        sheet.finish();
    }
    document.set_metadata(data(paper, words, skin, made_at));
    let mut outline = Outline::new();
    let top = XyzDestination::new(0, Point::from_xy(0.0, 0.0));
    outline.push_child(OutlineNode::new(paper.title.clone(), top));
    document.set_outline(outline);
    let mut tree = TagTree::new().with_lang(Some(words.tag().to_owned()));
    for child in &paper.nodes[0].children {
        tree.push(group(&paper.nodes, *child, &ids));
    }
    document.set_tag_tree(tree);
    document.finish().map_err(|error| PrintFault(format!("{error:?}")))
}

fn settings() -> Result<SerializeSettings, PrintFault> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|error| PrintFault(format!("{error:?}")))?;
    Ok(SerializeSettings { configuration, enable_tagging: true, ..SerializeSettings::default() })
}

fn data(paper: &LaidOut, words: &Words, skin: &Skin, made_at: DateTime<Utc>) -> Metadata {
    let byte = |number: u32| u8::try_from(number).unwrap_or_default();
    let date = metadata::DateTime::new(u16::try_from(made_at.year()).unwrap_or_default())
        .month(byte(made_at.month()))
        .day(byte(made_at.day()))
        .hour(byte(made_at.hour()))
        .minute(byte(made_at.minute()))
        .second(byte(made_at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let direction = match words.direction() {
        Direction::LeftToRight => metadata::TextDirection::LeftToRight,
        Direction::RightToLeft => metadata::TextDirection::RightToLeft,
    };
    Metadata::new()
        .title(paper.title.clone())
        .language(words.tag().to_owned())
        .authors(vec![skin.brand().name.clone()])
        .creation_date(date)
        .text_direction(direction)
}

fn draw(surface: &mut Surface, mark: &Mark, ids: &mut [Vec<Identifier>]) {
    match mark {
        Mark::Block { x, y, width, height, colour } => {
            let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) else { return };
            let mut path = PathBuilder::new();
            path.push_rect(rect);
            let Some(path) = path.finish() else { return };
            surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
            surface.set_fill(Some(fill(*colour)));
            surface.draw_path(&path);
            surface.end_tagged();
        }
        Mark::Text { x, baseline, size, colour, line, node } => {
            let spoken = SpanTag::empty().with_actual_text(line.spoken.as_deref());
            let tag = match node {
                Some(_) => ContentTag::Span(spoken),
                None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::PaginationOther)),
            };
            let id = surface.start_tagged(tag);
            surface.set_fill(Some(fill(*colour)));
            let mut x = *x;
            for run in &line.runs {
                let start = Point::from_xy(x, *baseline);
                surface.draw_glyphs(start, &run.glyphs, run.font.clone(), &run.text, *size, false);
                x += run.width * size;
            }
            surface.end_tagged();
            if let Some(node) = node {
                ids[*node].push(id);
            }
        }
    }
}

fn fill(colour: Rgb) -> Fill {
    let [red, green, blue] = colour.bytes();
    Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }
}

/// A node with what was drawn of it, then its children.
fn group(nodes: &[Node], at: usize, ids: &[Vec<Identifier>]) -> TagGroup {
    let node = &nodes[at];
    let mut group = match node.role {
        Role::Heading(level) => {
            let level = NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN);
            TagGroup::new(Tag::Hn(level, node.title.clone()))
        }
        Role::Root | Role::Paragraph => TagGroup::new(Tag::P),
        Role::Table => TagGroup::new(Tag::Table),
        Role::Head => TagGroup::new(Tag::THead),
        Role::Body => TagGroup::new(Tag::TBody),
        Role::Row => TagGroup::new(Tag::TR),
        Role::HeadCell => TagGroup::new(Tag::TH(TableHeaderScope::Column)),
        Role::Cell => TagGroup::new(Tag::TD),
    };
    for id in &ids[at] {
        group.push(TagNode::Leaf(*id));
    }
    for child in &node.children {
        group.push(self::group(nodes, *child, ids));
    }
    group
}
