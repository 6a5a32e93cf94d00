//! The panel of addresses and commands: over the whole picture, scrolled when it does not fit.
//!
//! 1. It has no border at its sides: what is marked with the mouse is pasted as it is.
//! 2. Nothing is cut off: a line longer than the screen goes on in the next.
//!
//! Not here: the text (`greeting`).

use crossterm::event::KeyCode;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Clear, Paragraph};

/// The panel, open or closed.
pub struct Panel {
    text: String,
    is_open: bool,
    top: usize,
    /// Lines that fit, and lines that there are, as last drawn.
    room: usize,
    length: usize,
}

impl Panel {
    /// A closed panel.
    pub fn new(text: &str) -> Panel {
        Panel { text: text.to_owned(), is_open: false, top: 0, room: 1, length: 0 }
    }

    /// Whether it covers the picture.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Opens it at its top.
    pub fn open(&mut self) {
        self.is_open = true;
        self.top = 0;
    }

    /// A key that was pressed while it is open.
    pub fn key(&mut self, key: KeyCode) {
        let last = self.length.saturating_sub(self.room);
        let page = self.room.saturating_sub(1).max(1);
        self.top = match key {
            KeyCode::Up => self.top.saturating_sub(1),
            KeyCode::Down => self.top + 1,
            KeyCode::PageUp => self.top.saturating_sub(page),
            KeyCode::PageDown => self.top + page,
            KeyCode::Home => 0,
            KeyCode::End => last,
            KeyCode::Char('a') | KeyCode::Esc => {
                self.is_open = false;
                0
            }
            _ => self.top,
        }
        .min(last);
    }

    /// Draws it into `area`.
    pub fn draw(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let lines = folded(&self.text, usize::from(area.width));
        self.room = usize::from(area.height.saturating_sub(2)).max(1);
        self.length = lines.len();
        self.top = self.top.min(self.length.saturating_sub(self.room));
        let below = self.length.saturating_sub(self.top + self.room);
        let more = match (self.top, below) {
            (0, 0) => String::new(),
            (above, below) => format!(" {above} lines above, {below} below: arrows, PageUp, PageDown "),
        };
        let block = Block::new()
            .borders(Borders::TOP | Borders::BOTTOM)
            .title(" addresses and commands ")
            .title_bottom(more);
        let shown: Vec<Line<'_>> =
            lines[self.top..].iter().take(self.room).map(|line| Line::from(line.as_str())).collect();
        frame.render_widget(Clear, area);
        frame.render_widget(Paragraph::new(shown).block(block), area);
    }
}

fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let letters: Vec<char> = line.chars().collect();
        if letters.is_empty() {
            lines.push(String::new());
        }
        lines.extend(letters.chunks(width.max(1)).map(|part| part.iter().collect::<String>()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn drawn(panel: &mut Panel) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(20, 5)).unwrap();
        terminal.draw(|frame| panel.draw(frame, frame.area())).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y| (0..20).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (1..4).map(row).collect()
    }

    #[test]
    fn it_scrolls_to_its_end_and_no_further() {
        let mut panel = Panel::new("one\ntwo\n\nfour\na line that is longer than twenty\n");
        panel.open();
        assert_eq!(drawn(&mut panel), ["one", "two", ""]);
        panel.key(KeyCode::Down);
        assert_eq!(drawn(&mut panel), ["two", "", "four"]);
        for _ in 0..9 {
            panel.key(KeyCode::PageDown);
        }
        assert_eq!(drawn(&mut panel), ["four", "a line that is longe", "r than twenty"]);
        panel.key(KeyCode::Up);
        assert_eq!(drawn(&mut panel), ["", "four", "a line that is longe"]);
        panel.key(KeyCode::Home);
        assert_eq!(drawn(&mut panel)[0], "one");
    }

    #[test]
    fn escape_closes_it_and_it_opens_at_its_top() {
        let mut panel = Panel::new("one\ntwo\n\nfour\n");
        panel.open();
        drawn(&mut panel);
        panel.key(KeyCode::End);
        panel.key(KeyCode::Esc);
        assert!(!panel.is_open());
        panel.open();
        assert_eq!(drawn(&mut panel)[0], "one");
    }
}
