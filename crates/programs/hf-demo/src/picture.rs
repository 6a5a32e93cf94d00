//! The living picture: zones, crowds and events on the terminal, and keys that do things to the world.
//!
//! Drawn ten times a second from counters and from what a node's `/v1/status` says; the terminal is given back when it is dropped.
//!
//! Not here: what the keys lead to (`stage`).

use std::io::Stdout;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use hf_api::{Status, Zone, ZoneState};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};
use ratatui::{Frame, Terminal};

use crate::DemoError;
use crate::app::Mood;
use crate::measure::Measure;
use crate::panel::Panel;
use crate::script::Action;
use crate::stage::Stage;

const FRAME: Duration = Duration::from_millis(100);
/// Figures per second are taken over this long.
const WINDOW: Duration = Duration::from_secs(1);

/// A zone's line is this long without the bar of its share; less than this much further there is no bar.
const BAR_FROM_WIDTH: u16 = 110;

/// What the keys do.
const KEYS: [&str; 10] = [
    "1-6, arrows choose a zone",
    "k kill",
    "e errors",
    "s slow",
    "h heal",
    "x shift",
    "u cancel its shift",
    "c kill or start control",
    "a addresses, commands",
    "q quit",
];
/// The same while the panel covers the picture.
const KEYS_OF_PANEL: [&str; 3] = ["arrows, PageUp, PageDown scroll", "a, Esc back to the picture", "q quit"];
/// What the words of the picture mean.
const NOTES: [&str; 5] = [
    "healthy: its balancer counts as one",
    "AWAY: by an act",
    "sick: none healthy",
    "part: some healthy",
    "plain round robin: to the own region's instances only",
];

/// What a key asked for.
pub enum Wish {
    /// Go on.
    Nothing,
    /// Do this.
    Act(Action, Option<&'static str>),
    /// End the demo.
    Quit,
}

/// Counters at one moment.
#[derive(Clone, Default)]
struct Counts {
    answered: Vec<u64>,
    errors: Vec<u64>,
    latency_us: Vec<u64>,
    ours: (u64, u64),
    plain: (u64, u64),
}

impl Counts {
    fn read(measure: &Measure, zones: usize) -> Counts {
        let each = |read: fn(&crate::measure::ZoneMarks) -> u64| {
            (0..zones).map(|at| read(measure.zone(at))).collect()
        };
        Counts {
            answered: each(|marks| marks.answered.load(Ordering::Relaxed)),
            errors: each(|marks| marks.errors.load(Ordering::Relaxed)),
            latency_us: each(|marks| marks.latency_us.load(Ordering::Relaxed)),
            ours: measure.ours.read(),
            plain: measure.plain.read(),
        }
    }
}

/// One zone's line, in figures of the last window.
#[derive(Default, Clone)]
struct Figures {
    share_percent: u64,
    errors_percent: u64,
    latency_ms: Option<f64>,
}

/// The picture and the terminal that it is on.
pub struct Picture {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    panel: Panel,
    chosen: usize,
    drawn_at: Option<Instant>,
    counted_at: Instant,
    before: Counts,
    figures: Vec<Figures>,
    ours_per_s: (u64, u64),
    plain_per_s: (u64, u64),
}

impl Picture {
    /// Takes the terminal.
    pub fn open(greeting: &str) -> Result<Picture, DemoError> {
        enable_raw_mode().map_err(DemoError::Terminal)?;
        let mut screen = std::io::stdout();
        execute!(screen, EnterAlternateScreen).map_err(DemoError::Terminal)?;
        let terminal = Terminal::new(CrosstermBackend::new(screen)).map_err(DemoError::Terminal)?;
        Ok(Picture {
            terminal,
            panel: Panel::new(greeting),
            chosen: 0,
            drawn_at: None,
            counted_at: Instant::now(),
            before: Counts::default(),
            figures: Vec::new(),
            ours_per_s: (0, 0),
            plain_per_s: (0, 0),
        })
    }

    /// One turn: keys that were pressed, and a new frame when it is time.
    pub fn turn(
        &mut self,
        stage: &mut Stage,
        measure: &Measure,
        status: Option<&Status>,
    ) -> Result<Wish, DemoError> {
        while event::poll(Duration::ZERO).map_err(DemoError::Terminal)? {
            if let Event::Key(key) = event::read().map_err(DemoError::Terminal)?
                && key.kind == KeyEventKind::Press
            {
                let ends = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                match if ends { Wish::Quit } else { self.key(key.code, stage) } {
                    Wish::Nothing => self.drawn_at = None,
                    wish => return Ok(wish),
                }
            }
        }
        if self.drawn_at.is_some_and(|drawn| drawn.elapsed() < FRAME) {
            return Ok(Wish::Nothing);
        }
        self.drawn_at = Some(Instant::now());
        self.count(measure, stage.world.places().len());
        let scene = Scene::of(self, stage, measure, status);
        let panel = &mut self.panel;
        self.terminal.draw(|frame| scene.draw(frame, panel)).map_err(DemoError::Terminal)?;
        Ok(Wish::Nothing)
    }

    fn key(&mut self, key: KeyCode, stage: &mut Stage) -> Wish {
        let zone = Some(stage.world.places()[self.chosen].zone);
        let zones = stage.world.places().len();
        match key {
            KeyCode::Char('q') => return Wish::Quit,
            // It covers the zones: nothing is done to what cannot be seen.
            key if self.panel.is_open() => self.panel.key(key),
            KeyCode::Up => self.chosen = (self.chosen + zones - 1) % zones,
            KeyCode::Down => self.chosen = (self.chosen + 1) % zones,
            KeyCode::Char(digit @ '1'..='6') => self.chosen = digit as usize - '1' as usize,
            KeyCode::Char('k') => return Wish::Act(Action::Kill, zone),
            KeyCode::Char('e') => return Wish::Act(Action::Errors, zone),
            KeyCode::Char('s') => return Wish::Act(Action::Slow, zone),
            KeyCode::Char('h') => return Wish::Act(Action::Heal, zone),
            KeyCode::Char('x') => return Wish::Act(Action::Shift, zone),
            KeyCode::Char('u') => return Wish::Act(Action::Cancel, zone),
            KeyCode::Char('c') if stage.control_runs() => return Wish::Act(Action::KillControl, None),
            KeyCode::Char('c') => return Wish::Act(Action::HealControl, None),
            KeyCode::Char('a') => self.panel.open(),
            _ => {}
        }
        Wish::Nothing
    }

    fn count(&mut self, measure: &Measure, zones: usize) {
        let elapsed = self.counted_at.elapsed();
        if elapsed < WINDOW && !self.figures.is_empty() {
            return;
        }
        let now = Counts::read(measure, zones);
        let grown = |now: &[u64], before: &[u64], at: usize| now[at] - before.get(at).copied().unwrap_or(0);
        let all: u64 = (0..zones).map(|at| grown(&now.answered, &self.before.answered, at)).sum();
        self.figures = (0..zones)
            .map(|at| {
                let answered = grown(&now.answered, &self.before.answered, at);
                let took = grown(&now.latency_us, &self.before.latency_us, at);
                let errors = grown(&now.errors, &self.before.errors, at);
                Figures {
                    share_percent: (100 * answered).checked_div(all).unwrap_or(0),
                    errors_percent: (100 * errors).checked_div(answered).unwrap_or(0),
                    latency_ms: (answered > 0).then(|| took as f64 / answered as f64 / 1_000.0),
                }
            })
            .collect();
        let ms = elapsed.as_millis().max(1) as u64;
        let rate = |now: (u64, u64), before: (u64, u64)| {
            ((now.0 - before.0) * 1_000 / ms, (now.1 - before.1) * 1_000 / ms)
        };
        self.ours_per_s = rate(now.ours, self.before.ours);
        self.plain_per_s = rate(now.plain, self.before.plain);
        self.before = now;
        self.counted_at = Instant::now();
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // Nothing better can be done when the terminal is gone.
        let _ = disable_raw_mode();
        let _ = execute!(std::io::stdout(), LeaveAlternateScreen);
    }
}

/// Everything that one frame shows, gathered before the drawing.
struct Scene {
    rows: Vec<[(String, Style); 9]>,
    chosen: usize,
    crowds: Vec<Line<'static>>,
    words: Vec<String>,
    control_runs: bool,
    revision: u64,
}

impl Scene {
    fn of(picture: &Picture, stage: &mut Stage, measure: &Measure, status: Option<&Status>) -> Scene {
        let places = stage.world.places().to_vec();
        let rows = places.iter().enumerate().map(|(at, place)| {
            let told = status.and_then(|status| status.zones.iter().find(|zone| zone.id == place.zone));
            let figures = picture.figures.get(at).cloned().unwrap_or_default();
            let runs = stage.zone_runs(at);
            let mood = match (runs, stage.apps[at].mood()) {
                (false, _) => ("dead", Color::Red),
                (true, Mood::Well) => ("well", Color::Green),
                (true, Mood::Erroneous) => ("errors", Color::Yellow),
                (true, Mood::Slow) => ("slow", Color::Yellow),
            };
            let (state, color, why) =
                told.map_or(("?", Color::DarkGray, "no node has told yet".to_owned()), state_of);
            let health = told.map_or("?".to_owned(), |zone| format!("{}/{}", zone.healthy, zone.of));
            let sick = told.is_some_and(|zone| zone.healthy < zone.of);
            let plain = Style::default();
            [
                (format!("{} {}", at + 1, place.zone), plain.bold()),
                (mood.0.to_owned(), plain.fg(mood.1)),
                (health, if sick { plain.fg(Color::Red) } else { plain.fg(Color::Green) }),
                (state.to_owned(), plain.fg(color)),
                (share(figures.share_percent), plain.fg(Color::Cyan)),
                (
                    format!("{:>3}%", figures.errors_percent),
                    if figures.errors_percent > 0 { plain.fg(Color::Red) } else { plain },
                ),
                (figures.latency_ms.map_or("-".to_owned(), |ms| format!("{ms:.1} ms")), plain),
                (measure.open(at).to_string(), plain),
                (why, plain.fg(Color::Gray)),
            ]
        });
        let rows = rows.collect();
        let crowd = |name: &'static str, rate: (u64, u64), total: (u64, u64)| {
            let color = if rate.1 > 0 { Color::Red } else { Color::Green };
            Line::from(vec![
                Span::from(format!("{name:<24}")).bold(),
                Span::from(format!("{:>5} requests/s  ", rate.0)),
                Span::from(format!("{:>4} failing/s  ", rate.1)).fg(color),
                Span::from(format!("{} failed of {}", total.1, total.0)),
            ])
        };
        Scene {
            rows,
            chosen: picture.chosen,
            crowds: vec![
                crowd("through Holdfast", picture.ours_per_s, measure.ours.read()),
                crowd("plain round robin", picture.plain_per_s, measure.plain.read()),
            ],
            words: stage.words().cloned().collect(),
            control_runs: stage.control_runs(),
            revision: status.map_or(0, |status| status.revision),
        }
    }

    fn draw(&self, frame: &mut Frame<'_>, panel: &mut Panel) {
        let width = usize::from(frame.area().width);
        let legend = if panel.is_open() {
            wrapped(&KEYS_OF_PANEL, width)
        } else {
            [wrapped(&KEYS, width), wrapped(&NOTES, width)].concat()
        };
        let [picture, keys] = Layout::vertical([Constraint::Min(3), Constraint::Length(legend.len() as u16)])
            .areas(frame.area());
        let legend: Vec<Line<'_>> = legend.into_iter().map(Line::from).collect();
        frame.render_widget(Paragraph::new(legend).fg(Color::DarkGray), keys);
        if panel.is_open() {
            panel.draw(frame, picture);
            return;
        }
        let [zones, crowds, events] = Layout::vertical([
            Constraint::Length(self.rows.len() as u16 + 3),
            Constraint::Length(4),
            Constraint::Min(3),
        ])
        .areas(picture);
        self.draw_zones(frame, zones);
        frame.render_widget(
            Paragraph::new(self.crowds.clone()).block(Block::bordered().title("the clients' view")),
            crowds,
        );
        self.draw_events(frame, events);
    }

    fn draw_zones(&self, frame: &mut Frame<'_>, area: Rect) {
        let header = ["zone", "app", "healthy", "state", "share", "errors", "latency", "clients", "why"];
        let rows = self.rows.iter().enumerate().map(|(at, cells)| {
            let row = Row::new(cells.iter().map(|(text, style)| Cell::from(text.clone()).style(*style)));
            if at == self.chosen { row.add_modifier(Modifier::REVERSED) } else { row }
        });
        let share = if area.width < BAR_FROM_WIDTH { 5 } else { 25 };
        let widths = [10, 6, 7, 5, share, 6, 9, 7];
        let widths = widths.map(Constraint::Length).into_iter().chain([Constraint::Min(10)]);
        let control = if self.control_runs { "runs" } else { "DEAD" };
        let title = format!("Holdfast demo · control node {control} · revision {}", self.revision);
        let table =
            Table::new(rows, widths).header(Row::new(header).bold()).block(Block::bordered().title(title));
        // The column `why` may be too narrow: the chosen zone's stands below in full.
        let [(name, _), .., (why, _)] = &self.rows[self.chosen];
        let chosen = format!("{name}: {why}");
        frame.render_widget(table, area);
        let [_, below] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
        frame.render_widget(Block::new().title(chosen), below.inner(Margin::new(1, 0)));
    }

    fn draw_events(&self, frame: &mut Frame<'_>, area: Rect) {
        let room = usize::from(area.height.saturating_sub(2));
        let newest: Vec<Line<'_>> = self.words[self.words.len().saturating_sub(room)..]
            .iter()
            .map(|words| Line::from(words.as_str()))
            .collect();
        frame.render_widget(Paragraph::new(newest).block(Block::bordered().title("events")), area);
    }
}

/// In one word whether clients are served from a zone: acts first, then health; and why.
fn state_of(zone: &Zone) -> (&'static str, Color, String) {
    let told = zone.reason.text.clone();
    match (zone.state, zone.healthy) {
        (ZoneState::Away, _) => ("AWAY", Color::Magenta, told),
        (ZoneState::Open, 0) if zone.of > 0 => {
            ("sick", Color::Red, format!("all {} endpoints unhealthy", zone.of))
        }
        (ZoneState::Open, healthy) if healthy < zone.of => {
            ("part", Color::Yellow, format!("{} of {} endpoints unhealthy", zone.of - healthy, zone.of))
        }
        (ZoneState::Open, _) => ("open", Color::Green, told),
    }
}

fn share(percent: u64) -> String {
    format!("{percent:>3}% {}", "█".repeat((percent as usize).div_ceil(5)))
}

/// Items in lines of at most `width` columns; no item is broken.
fn wrapped(items: &[&str], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + item.chars().count() <= width => {
                line.push_str(" · ");
                line.push_str(item);
            }
            _ => lines.push((*item).to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
