//! Tables of a paper: columns, rows that stay whole, the head again on each page, and sums that stay together.

use super::{At, BODY, LEADING, Look, MARGIN, Press, Role, SMALL, Table};
use crate::paper::fonts::Voice;
use crate::paper::text::{Line, wrapped};
use crate::paper::{Column, Row};

const PADDING: f32 = 5.0;
const GUTTER: f32 = 10.0;

/// A column's place: where it starts, how wide it is, where its lines stand.
type Place = (f32, f32, At);

/// A cell whose lines are set: the main ones and the quiet ones below.
struct SetCell {
    lines: Vec<Line>,
    under: Vec<Line>,
}

impl SetCell {
    fn height(&self) -> f32 {
        (self.lines.len() as f32 * BODY + self.under.len() as f32 * SMALL) * LEADING
    }
}

impl Press<'_> {
    pub(super) fn table(&mut self, table: &Table) {
        if let Some(heading) = &table.heading {
            self.make_room(90.0);
            let node = self.node(0, Role::Heading(2));
            self.nodes[node].title = Some(heading.clone());
            let place = (MARGIN, self.room(), At::Start);
            self.y = self.text(heading, self.look(Voice::Heading, 13.0), place, self.y, Some(node)) + 8.0;
        }
        let places = self.places(&table.columns);
        let node = self.node(0, Role::Table);
        let head = self.node(node, Role::Head);
        let head = self.node(head, Role::Row);
        self.make_room(60.0);
        self.head(&table.columns, &places, Some(head));
        let body = self.node(node, Role::Body);
        for row in &table.rows {
            self.row(row, table, &places, body);
        }
        if let (Some(empty), true) = (&table.empty, table.rows.is_empty()) {
            let row = self.node(body, Role::Row);
            let cell = self.node(row, Role::Cell);
            let place = (MARGIN, self.room(), At::Start);
            self.y = self.text(empty, self.quiet(BODY), place, self.y + PADDING + 2.0, Some(cell)) + PADDING;
        }
        self.sums(&table.sums);
        self.y += 16.0;
    }

    fn places(&self, columns: &[Column]) -> Vec<Place> {
        let shares: f32 = columns.iter().map(|column| column.share).sum();
        let mut start = MARGIN;
        columns
            .iter()
            .map(|column| {
                let width = self.room() * column.share / shares;
                let at = if column.number { At::End } else { At::Start };
                let place =
                    (start, width - if start + width > self.width - MARGIN - 1.0 { 0.0 } else { GUTTER }, at);
                start += width;
                place
            })
            .collect()
    }

    /// The first head is part of the table; those on later pages are only shown.
    fn head(&mut self, columns: &[Column], places: &[Place], row: Option<usize>) {
        let (top, room) = (self.y, self.room());
        let mut bottom = top;
        let look = Look { voice: Voice::Strong, size: SMALL, colour: self.colours.muted };
        for (column, place) in columns.iter().zip(places) {
            let cell = row.map(|row| self.node(row, Role::HeadCell));
            bottom = bottom.max(self.text(&column.head, look, *place, top, cell));
        }
        let line = self.colours.brand;
        self.block(MARGIN, bottom + 2.0, room, 1.25, line);
        self.y = bottom + 3.25;
    }

    fn row(&mut self, row: &Row, table: &Table, places: &[Place], body: usize) {
        let voice = if row.strong { Voice::Strong } else { Voice::Plain };
        let cells: Vec<SetCell> = row
            .cells
            .iter()
            .zip(places)
            .map(|(cell, place)| SetCell {
                lines: wrapped(self.case, voice, &cell.text, BODY, place.1),
                under: cell
                    .under
                    .iter()
                    .flat_map(|text| wrapped(self.case, Voice::Plain, text, SMALL, place.1))
                    .collect(),
            })
            .collect();
        let height = cells.iter().map(SetCell::height).fold(0.0, f32::max) + 2.0 * PADDING;
        if self.make_room(height) {
            self.head(&table.columns, places, None);
        }
        let node = self.node(body, Role::Row);
        let top = self.y + PADDING;
        for (cell, place) in cells.into_iter().zip(places) {
            let id = self.node(node, Role::Cell);
            let below = self.lines(cell.lines, self.look(voice, BODY), *place, top, Some(id));
            self.lines(cell.under, self.quiet(SMALL), *place, below, Some(id));
        }
        self.y += height;
        let (line, room) = (self.colours.line, self.room());
        self.block(MARGIN, self.y, room, 0.6, line);
    }

    fn sums(&mut self, sums: &[(String, String)]) {
        let step = BODY * LEADING + 4.0;
        self.make_room(sums.len() as f32 * step + 20.0);
        self.y += 8.0;
        let room = self.room();
        let (start, width) = (MARGIN + room * 0.5, room * 0.5);
        for (at, (label, amount)) in sums.iter().enumerate() {
            let last = at + 1 == sums.len();
            let (voice, size) = if last { (Voice::Strong, 11.5) } else { (Voice::Plain, BODY) };
            if last {
                let line = self.colours.line;
                self.block(start, self.y, width, 0.75, line);
                self.y += 6.0;
            }
            let node = self.node(0, Role::Paragraph);
            let look = self.look(voice, size);
            let label_room = width * 0.55;
            let below = self.text(label, look, (start, label_room, At::Start), self.y, Some(node));
            let place = (start + label_room, width - label_room, At::End);
            self.y = self.text(amount, look, place, self.y, Some(node)).max(below) + 3.0;
        }
    }
}
