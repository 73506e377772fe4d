//! Where everything on a paper stands, page by page. Points from the upper left corner; in right-to-left languages the
//! whole page is mirrored.

use super::fonts::{TypeCase, Voice};
use super::text::{Line, single, wrapped};
use super::{Sheet, Table};
use crate::{colour::Rgb, locale::Direction, palette::Palette, skin::Skin, words::Words};

mod table;

const MARGIN: f32 = 51.0;
const TOP: f32 = 48.0;
/// Where content ends, above the footer.
const FOOT: f32 = 62.0;
const BODY: f32 = 9.5;
const SMALL: f32 = 8.0;
const LEADING: f32 = 1.42;

/// What a piece of the structure is, for readers who do not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Root,
    Heading(u16),
    Paragraph,
    Table,
    Head,
    Body,
    Row,
    HeadCell,
    Cell,
}

/// A node of the structure; its children come in the order of reading.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) title: Option<String>,
    pub(super) children: Vec<usize>,
}

/// Something drawn. What belongs to no node is decoration.
#[derive(Debug)]
pub(super) enum Mark {
    Text { x: f32, baseline: f32, size: f32, colour: Rgb, line: Line, node: Option<usize> },
    Block { x: f32, y: f32, width: f32, height: f32, colour: Rgb },
}

/// A paper, laid out.
#[derive(Debug)]
pub(super) struct LaidOut {
    pub(super) title: String,
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) pages: Vec<Vec<Mark>>,
    pub(super) nodes: Vec<Node>,
}

/// At which end of its room a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    End,
}

/// How a line looks.
#[derive(Debug, Clone, Copy)]
struct Look {
    voice: Voice,
    size: f32,
    colour: Rgb,
}

struct Colours {
    text: Rgb,
    muted: Rgb,
    line: Rgb,
    wash: Rgb,
    brand: Rgb,
}

/// Puts a sheet on pages.
pub(super) fn lay_out(sheet: &Sheet, words: &Words, skin: &Skin, case: &TypeCase) -> LaidOut {
    let mut press = Press::new(sheet, words, skin, case);
    press.letterhead(sheet, skin);
    press.facts(sheet);
    for table in &sheet.tables {
        press.table(table);
    }
    press.closing(sheet);
    press.footers(sheet, words, skin);
    LaidOut {
        title: sheet.title.clone(),
        width: press.width,
        height: press.height,
        pages: press.pages,
        nodes: press.nodes,
    }
}

struct Press<'a> {
    case: &'a TypeCase,
    colours: Colours,
    mirrored: bool,
    width: f32,
    height: f32,
    /// What stands on top of every page but the first.
    running: String,
    pages: Vec<Vec<Mark>>,
    nodes: Vec<Node>,
    /// How far down the current page is filled.
    y: f32,
}

impl<'a> Press<'a> {
    fn new(sheet: &Sheet, words: &Words, skin: &Skin, case: &'a TypeCase) -> Self {
        let brand = skin.brand();
        let palette = Palette::derive(brand.primary, brand.secondary);
        let light = |name: &str| palette.token(name).light;
        let colours = Colours {
            text: light("text"),
            muted: light("muted"),
            line: light("line"),
            wash: light("wash"),
            brand: light("link"),
        };
        let (width, height) = sheet.size.points();
        Self {
            case,
            colours,
            mirrored: words.direction() == Direction::RightToLeft,
            width,
            height,
            running: format!("{} · {}", brand.name, sheet.title),
            pages: vec![Vec::new()],
            nodes: vec![Node { role: Role::Root, title: None, children: Vec::new() }],
            y: TOP,
        }
    }

    /// Room between the margins.
    fn room(&self) -> f32 {
        self.width - 2.0 * MARGIN
    }

    fn node(&mut self, parent: usize, role: Role) -> usize {
        self.nodes.push(Node { role, title: None, children: Vec::new() });
        let node = self.nodes.len() - 1;
        self.nodes[parent].children.push(node);
        node
    }

    fn look(&self, voice: Voice, size: f32) -> Look {
        Look { voice, size, colour: self.colours.text }
    }

    fn quiet(&self, size: f32) -> Look {
        Look { voice: Voice::Plain, size, colour: self.colours.muted }
    }

    /// Draws a line in the room from `start` on, `room` wide, with its upper edge at `y`.
    fn line(&mut self, line: Line, look: Look, place: (f32, f32, At), y: f32, node: Option<usize>) {
        let (start, room, at) = place;
        let width = line.width * look.size;
        let start = if at == At::End { start + room - width } else { start };
        let x = if self.mirrored { self.width - start - width } else { start };
        let mark =
            Mark::Text { x, baseline: y + look.size, size: look.size, colour: look.colour, line, node };
        self.draw(mark);
    }

    fn draw(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// Draws text from `y` on and says where it ends.
    fn text(&mut self, text: &str, look: Look, place: (f32, f32, At), y: f32, node: Option<usize>) -> f32 {
        let lines = wrapped(self.case, look.voice, text, look.size, place.1);
        self.lines(lines, look, place, y, node)
    }

    fn lines(
        &mut self,
        lines: Vec<Line>,
        look: Look,
        place: (f32, f32, At),
        y: f32,
        node: Option<usize>,
    ) -> f32 {
        let mut y = y;
        for line in lines {
            self.line(line, look, place, y, node);
            y += look.size * LEADING;
        }
        y
    }

    fn block(&mut self, start: f32, y: f32, width: f32, height: f32, colour: Rgb) {
        let x = if self.mirrored { self.width - start - width } else { start };
        self.draw(Mark::Block { x, y, width, height, colour });
    }

    /// Goes on to a new page when less than `height` is left.
    fn make_room(&mut self, height: f32) -> bool {
        if self.y + height <= self.height - FOOT {
            return false;
        }
        self.pages.push(Vec::new());
        let line = single(self.case, Voice::Plain, &self.running.clone());
        self.line(line, self.quiet(SMALL), (MARGIN, self.room(), At::Start), TOP - 18.0, None);
        self.y = TOP + 6.0;
        true
    }

    fn letterhead(&mut self, sheet: &Sheet, skin: &Skin) {
        let (brand, full) = (self.colours.brand, self.width);
        self.block(0.0, 0.0, full, 5.0, brand);
        let name = self.node(0, Role::Paragraph);
        let look = Look { voice: Voice::Heading, size: 15.0, colour: brand };
        let room = self.room();
        self.y = self.text(&skin.brand().name, look, (MARGIN, room, At::Start), TOP - 8.0, Some(name)) + 26.0;
        let heading = self.node(0, Role::Heading(1));
        self.nodes[heading].title = Some(sheet.title.clone());
        let top = self.y;
        let look = self.look(Voice::Heading, 23.0);
        self.y = self.text(&sheet.title, look, (MARGIN, room * 0.74, At::Start), top, Some(heading));
        if let Some(stamp) = &sheet.stamp {
            self.stamp(stamp, top);
        }
        if let Some(note) = &sheet.note {
            let node = self.node(0, Role::Paragraph);
            let look = self.quiet(BODY);
            self.y = self.text(note, look, (MARGIN, room * 0.74, At::Start), self.y + 2.0, Some(node));
        }
        self.y += 18.0;
    }

    /// A word in a box, at the end of the heading's line.
    fn stamp(&mut self, word: &str, y: f32) {
        let node = self.node(0, Role::Paragraph);
        let line = single(self.case, Voice::Strong, word);
        let (size, colour) = (11.0, self.colours.brand);
        let width = line.width * size + 20.0;
        let start = self.width - MARGIN - width;
        let (wash, edge) = (self.colours.wash, self.colours.brand);
        self.block(start, y + 2.0, width, 24.0, edge);
        self.block(start + 1.0, y + 3.0, width - 2.0, 22.0, wash);
        let look = Look { voice: Voice::Strong, size, colour };
        self.line(line, look, (start + 10.0, width - 20.0, At::Start), y + 7.2, Some(node));
    }

    /// Whom it is for beside numbers and dates.
    fn facts(&mut self, sheet: &Sheet) {
        let (top, room) = (self.y, self.room());
        let (mut left, mut right) = (top, top);
        if let Some((label, lines)) = &sheet.party {
            let place = (MARGIN, room * 0.46, At::Start);
            let node = self.node(0, Role::Paragraph);
            left = self.text(label, self.quiet(SMALL), place, left, Some(node)) + 1.0;
            for (at, line) in lines.iter().enumerate() {
                let voice = if at == 0 { Voice::Strong } else { Voice::Plain };
                left = self.text(line, self.look(voice, BODY), place, left, Some(node));
            }
        }
        let (start, label_room) = (MARGIN + room * 0.52, room * 0.2);
        for (label, value) in &sheet.facts {
            let node = self.node(0, Role::Paragraph);
            let after = self.text(label, self.quiet(BODY), (start, label_room, At::Start), right, Some(node));
            let place = (start + label_room + 6.0, room * 0.28 - 6.0, At::Start);
            right =
                self.text(value, self.look(Voice::Plain, BODY), place, right, Some(node)).max(after) + 1.5;
        }
        self.y = left.max(right) + 22.0;
    }

    fn closing(&mut self, sheet: &Sheet) {
        self.y += 14.0;
        for text in &sheet.closing {
            let lines = wrapped(self.case, Voice::Plain, text, SMALL, self.room() * 0.8);
            self.make_room(lines.len() as f32 * SMALL * LEADING);
            let node = self.node(0, Role::Paragraph);
            let look = self.quiet(SMALL);
            self.y = self.lines(lines, look, (MARGIN, self.room(), At::Start), self.y, Some(node)) + 4.0;
        }
    }

    /// Below every page, once it is known how many there are.
    fn footers(&mut self, sheet: &Sheet, words: &Words, skin: &Skin) {
        let pages = std::mem::take(&mut self.pages);
        let count = pages.len().to_string();
        let line = self.colours.line;
        for (at, page) in pages.into_iter().enumerate() {
            self.pages.push(page);
            let (y, room) = (self.height - FOOT + 20.0, self.room());
            self.block(MARGIN, y, room, 0.75, line);
            let number = words.say("paper.page", &[("page", &(at + 1).to_string()), ("pages", &count)]);
            let name = format!("{} · {}", skin.brand().name, sheet.title);
            for (text, end) in [(name, At::Start), (number, At::End)] {
                let line = single(self.case, Voice::Plain, &text);
                self.line(line, self.quiet(SMALL), (MARGIN, room, end), y + 7.0, None);
            }
        }
    }
}
