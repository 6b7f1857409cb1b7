//! Running work, shown while it runs: live lines at the bottom of a terminal, and elsewhere a line from time to time.
//!
//! Everything on standard error passes through here, so that a message and a live line do not mix.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::drawing::Drawing;
use super::duration;
use super::style::{DIM, GOOD, paint};
use super::text::{one_line, shown};
use super::width::{cut, width};

/// How running work is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Not at all.
    Nothing,
    /// As lines at the bottom of a terminal, drawn several times a second.
    Live,
    /// As a line now and then: in a log, or on a terminal that cannot move its cursor.
    Lines,
}

/// When work is shown for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// At its start, because it usually takes long.
    AtOnce,
    /// Once it is slow, because it usually is not.
    WhenSlow,
}

/// The time between two lines about the same work.
pub(crate) const INTERVAL: Duration = Duration::from_secs(30);
/// The time between two drawings of the live lines.
const FRAME: Duration = Duration::from_millis(100);
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// The columns of a detail for which a title is cut: those of a count.
const LONGEST_COUNT: usize = 10;
/// The columns and rows of a terminal that does not tell them.
pub(crate) const USUAL_SIZE: (usize, usize) = (80, 24);

impl First {
    /// Returns the age at which work is shown.
    fn age(self, show: Show) -> Duration {
        match (self, show) {
            (Self::AtOnce, _) => Duration::ZERO,
            (Self::WhenSlow, Show::Live) => Duration::from_millis(400),
            // A line stays in the log, so that it must be worth it.
            (Self::WhenSlow, _) => Duration::from_secs(2),
        }
    }
}

/// The stream that a person reads.
pub(crate) trait Output: Send {
    /// Writes text with styles, which are removed if they are not wanted.
    fn text(&mut self, text: &str);
    /// Writes text and escape sequences as they are.
    fn raw(&mut self, text: &str);
    /// Whether styles are wanted.
    fn has_styles(&self) -> bool;
    /// Returns the columns and rows of the terminal; `None` if the output is not one.
    fn size(&self) -> Option<(usize, usize)>;
}

/// The output for a person, with the work that runs. Clones share it.
#[derive(Clone)]
pub(crate) struct Live(Arc<Mutex<State>>);

struct State {
    show: Show,
    output: Box<dyn Output>,
    interval: Duration,
    /// In the order in which it started.
    works: Vec<Work>,
    drawing: Drawing,
    frame: usize,
    /// Whether a thread calls [`State::tick`].
    is_ticking: bool,
}

/// A piece of work. Several that run at the same time under the same title are one.
struct Work {
    title: String,
    count: usize,
    detail: String,
    since: Instant,
    first: First,
    /// The number of intervals for which a line was written; `None` before the first line.
    lines: Option<u128>,
}

/// Work that runs until this is dropped.
pub(crate) struct Running {
    live: Live,
    title: String,
}

impl Live {
    /// Returns an output that writes a line about running work after each `interval`, or live lines.
    pub(crate) fn new(output: Box<dyn Output>, show: Show, interval: Duration) -> Self {
        Self(Arc::new(Mutex::new(State {
            show,
            output,
            interval,
            works: Vec::new(),
            drawing: Drawing::new(),
            frame: 0,
            is_ticking: false,
        })))
    }

    /// Sets how running work is shown from now on.
    pub(crate) fn set_show(&self, show: Show) {
        let mut state = self.lock();
        let size = state.size();
        state.draw("", "", size);
        state.show = show;
    }

    /// Shows that work starts.
    pub(crate) fn start(&self, title: &str, first: First) -> Running {
        let title = one_line(title);
        let running = Running { live: self.clone(), title: title.clone() };
        let now = Instant::now();
        let mut state = self.lock();
        match state.works.iter_mut().find(|work| work.title == title) {
            Some(work) => work.count += 1,
            None => {
                let detail = String::new();
                state.works.push(Work { title, count: 1, detail, since: now, first, lines: None });
            }
        }
        state.tick(now);
        if state.show != Show::Nothing && !state.is_ticking {
            state.is_ticking = tick_from_a_thread(&self.0, state.interval);
        }
        running
    }

    /// Writes text above the live lines. It is safe for a terminal already.
    pub(crate) fn write(&self, text: &str) {
        self.lock().write(text, Instant::now());
    }

    /// Returns the number of columns that a line of text may fill; no limit if the output is not a terminal.
    pub(crate) fn columns(&self) -> usize {
        self.lock().output.size().map_or(usize::MAX, |(columns, _)| columns)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a thread that ticks while the output exists. Without one, work that starts or ends is still shown.
fn tick_from_a_thread(state: &Arc<Mutex<State>>, interval: Duration) -> bool {
    let state: Weak<Mutex<State>> = Arc::downgrade(state);
    let tick = move || {
        while let Some(state) = state.upgrade() {
            state.lock().unwrap_or_else(PoisonError::into_inner).tick(Instant::now());
            drop(state);
            thread::sleep(FRAME.min(interval));
        }
    };
    thread::Builder::new().name("progress".to_owned()).spawn(tick).is_ok()
}

impl Running {
    /// Sets what is known about the progress, in a few words.
    pub(crate) fn detail(&self, detail: &str) {
        let mut state = self.live.lock();
        if let Some(work) = state.works.iter_mut().find(|work| work.title == self.title) {
            work.detail = one_line(detail);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.live.lock();
        for work in state.works.iter_mut().filter(|work| work.title == self.title) {
            work.count -= 1;
        }
        state.works.retain(|work| work.count > 0);
        if state.show == Show::Live {
            state.redraw("", Instant::now());
        }
    }
}

impl State {
    /// Shows what has become due.
    fn tick(&mut self, now: Instant) {
        match self.show {
            Show::Nothing => {}
            Show::Live => self.redraw("", now),
            Show::Lines => {
                let lines: Vec<String> =
                    self.works.iter_mut().filter_map(|work| work.line(now, self.interval)).collect();
                lines.iter().for_each(|line| self.output.text(&format!("{line}\n")));
            }
        }
    }

    fn write(&mut self, text: &str, now: Instant) {
        let text = format!("{text}\n");
        match self.show {
            Show::Live => self.redraw(&text, now),
            Show::Nothing | Show::Lines => self.output.text(&text),
        }
    }

    /// Returns the columns and rows of the terminal.
    fn size(&self) -> (usize, usize) {
        self.output.size().unwrap_or(USUAL_SIZE)
    }

    /// Writes text above the live lines of now.
    fn redraw(&mut self, text: &str, now: Instant) {
        let size = self.size();
        let lines = self.live_lines(now, size.0).join("\n");
        self.draw(text, &lines, size);
    }

    /// Replaces the live lines by text and other live lines, on a terminal of so many columns and rows.
    fn draw(&mut self, text: &str, lines: &str, size: (usize, usize)) {
        let has_styles = self.output.has_styles();
        let wanted = |styled: &str| {
            if has_styles { styled.to_owned() } else { anstream::adapter::strip_str(styled).to_string() }
        };
        let written = self.drawing.redraw(&wanted(text), &wanted(lines), size);
        if !written.is_empty() {
            self.output.raw(&written);
            self.frame += 1;
        }
    }

    fn live_lines(&self, now: Instant, columns: usize) -> Vec<String> {
        let spinner = SPINNER[self.frame % SPINNER.len()];
        let shown_now = self.works.iter().filter(|work| work.age(now) >= work.first.age(Show::Live));
        shown_now.map(|work| work.live_line(now, spinner, columns)).collect()
    }
}

impl Work {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// Returns the line that is due, if one is, and notes that it was written.
    fn line(&mut self, now: Instant, interval: Duration) -> Option<String> {
        let age = self.age(now);
        let intervals = age.as_nanos() / interval.as_nanos().max(1);
        let text = match self.lines {
            Some(written) if intervals > written => {
                let details = [self.detail.as_str(), &duration(age)].join("  ");
                format!("{}  {}", self.title, paint(DIM, details.trim_start()))
            }
            None if age >= self.first.age(Show::Lines) => self.title.clone(),
            _ => return None,
        };
        self.lines = Some(intervals);
        Some(shown(&format!("  ... {text}")))
    }

    /// Returns a line that fits into a terminal. The age is always in it, then as much of the detail as a
    /// count fills, then the title, then the rest of the detail.
    fn live_line(&self, now: Instant, spinner: char, columns: usize) -> String {
        let age = duration(self.age(now));
        // The title begins where it does in `  ok  title`.
        let taken = "  ⠋   ".chars().count() + 2 + width(&age);
        // Some terminals move to the next line once the last column is filled.
        let room = columns.saturating_sub(1 + taken);
        let (title, detail) = (shown(&self.title), shown(&self.detail));
        let count = detail.split(' ').next().unwrap_or(&detail);
        let reserved = " …".chars().count() + 2 + LONGEST_COUNT.min(width(count));
        let has_detail = !detail.is_empty() && room >= 2 * reserved;
        let title = cut(&title, if has_detail { room - reserved } else { room });
        let rest = room.saturating_sub(width(&title) + 2);
        let middle = if has_detail { format!("{title}  {}", paint(DIM, cut(&detail, rest))) } else { title };
        shown(&format!("  {}   {middle}  {}", paint(GOOD, spinner), paint(DIM, age)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal of 40 columns without styles, or a log.
    #[derive(Clone, Default)]
    struct Memory {
        written: Arc<Mutex<String>>,
        size: Option<(usize, usize)>,
    }

    impl Output for Memory {
        fn text(&mut self, text: &str) {
            self.written.lock().unwrap().push_str(&anstream::adapter::strip_str(text).to_string());
        }

        fn raw(&mut self, text: &str) {
            self.written.lock().unwrap().push_str(text);
        }

        fn has_styles(&self) -> bool {
            false
        }

        fn size(&self) -> Option<(usize, usize)> {
            self.size
        }
    }

    impl Memory {
        fn terminal() -> Self {
            Self { size: Some((40, 4)), ..Self::default() }
        }

        /// Returns an output on which nothing is shown until a test ticks.
        fn live(&self, show: Show) -> Live {
            let live = Live::new(Box::new(self.clone()), show, INTERVAL);
            live.lock().is_ticking = true;
            live
        }

        fn take(&self) -> String {
            std::mem::take(&mut *self.written.lock().unwrap())
        }
    }

    impl Live {
        fn tick_after(&self, seconds: f64) {
            let mut state = self.lock();
            let start = state.works.iter().map(|work| work.since).min().unwrap();
            state.tick(start + Duration::from_secs_f64(seconds));
        }
    }

    #[test]
    fn a_log_gets_a_line_at_the_start_and_after_each_interval() {
        let log = Memory::default();
        let live = log.live(Show::Lines);
        let compile = live.start("compile app", First::AtOnce);
        assert_eq!(log.take(), "  ... compile app\n");
        live.tick_after(29.9);
        assert_eq!(log.take(), "");
        live.tick_after(30.0);
        assert_eq!(log.take(), "  ... compile app  30.0s\n");
        live.tick_after(30.1);
        compile.detail("37/120 serde");
        live.tick_after(59.0);
        assert_eq!(log.take(), "");
        live.tick_after(61.0);
        assert_eq!(log.take(), "  ... compile app  37/120 serde  1m01s\n");
        // A machine that slept owes no lines.
        live.tick_after(301.0);
        live.tick_after(302.0);
        assert_eq!(log.take(), "  ... compile app  37/120 serde  5m01s\n");
        drop(compile);
        live.write("done");
        assert_eq!(log.take(), "done\n");
    }

    #[test]
    fn fast_work_is_not_in_a_log() {
        let log = Memory::default();
        let live = log.live(Show::Lines);
        let reading = live.start("reading modules", First::WhenSlow);
        live.tick_after(1.9);
        assert_eq!(log.take(), "");
        live.tick_after(2.0);
        assert_eq!(log.take(), "  ... reading modules\n");
        live.tick_after(31.0);
        assert_eq!(log.take(), "  ... reading modules  31.0s\n");
        drop(reading);
        assert!(live.lock().works.is_empty());
    }

    #[test]
    fn work_of_the_same_title_is_one() {
        let log = Memory::default();
        let live = log.live(Show::Lines);
        let both = [(); 2].map(|()| live.start("reading\nmodules", First::AtOnce));
        assert_eq!(log.take(), "  ... reading\\nmodules\n");
        let [first, second] = both;
        drop(first);
        live.tick_after(30.0);
        assert_eq!(log.take(), "  ... reading\\nmodules  30.0s\n");
        drop(second);
        assert!(live.lock().works.is_empty());
    }

    #[test]
    fn the_thread_writes_lines_by_itself() {
        let log = Memory::default();
        let live = Live::new(Box::new(log.clone()), Show::Lines, Duration::from_millis(20));
        let _compile = live.start("compile app", First::AtOnce);
        let deadline = Instant::now() + Duration::from_secs(60);
        while log.written.lock().unwrap().lines().count() < 3 {
            assert!(Instant::now() < deadline, "{:?}", log.take());
            thread::sleep(Duration::from_millis(5));
        }
        assert!(log.take().lines().all(|line| line.starts_with("  ... compile app")));
    }

    #[test]
    fn a_quiet_run_shows_messages_only() {
        let log = Memory::default();
        let live = log.live(Show::Nothing);
        let _compile = live.start("compile app", First::AtOnce);
        live.tick_after(100.0);
        live.write("error: x");
        assert_eq!(log.take(), "error: x\n");
    }

    #[test]
    fn live_lines_are_replaced_and_leave_nothing() {
        let terminal = Memory::terminal();
        let live = terminal.live(Show::Live);
        let compile = live.start("compile app", First::AtOnce);
        assert_eq!(terminal.take(), "  ⠋   compile app  0.0s\r");
        let pack = live.start("pack app", First::WhenSlow);
        assert_eq!(terminal.take(), "\r\u{1b}[2K  ⠙   compile app  0.0s\r", "it is not slow yet");
        live.tick_after(1.0);
        assert_eq!(terminal.take(), "\r\u{1b}[2K  ⠹   compile app  1.0s\n  ⠹   pack app  1.0s\r");
        live.write("a message");
        let written = terminal.take();
        let erased = "\u{1b}[1A\r\u{1b}[2K\u{1b}[1B\r\u{1b}[2K\u{1b}[1A";
        assert!(written.starts_with(&format!("{erased}a message\n  ⠸   compile app")), "{written:?}");
        drop((compile, pack));
        assert!(terminal.take().ends_with("\r\u{1b}[2K"));
        live.write("the end");
        assert_eq!(terminal.take(), "the end\n");
    }

    #[test]
    fn no_live_line_reaches_the_last_column() {
        let terminal = Memory::terminal();
        let live = terminal.live(Show::Live);
        let works: Vec<Running> =
            (0..9).map(|number| live.start(&format!("compile number {number}"), First::AtOnce)).collect();
        works[0].detail("37/120 a-crate-with-a-name, and-another");
        works[1].detail("\u{1b}[5;5H漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字");
        for columns in [0, 1, 10, 20, 30, 39, 40, 41, 80, 500] {
            let mut state = live.lock();
            state.output = Box::new(Memory { size: Some((columns, 4)), ..Memory::default() });
            let lines = state.live_lines(Instant::now(), columns);
            assert_eq!(lines.len(), 9);
            for line in lines {
                let text = anstream::adapter::strip_str(&line).to_string();
                assert!(width(&text) < columns.max(20), "{columns}: {text:?}");
                assert!(columns < 20 || text.ends_with('s'), "the age is shown: {text:?}");
            }
        }
        let at_40 = |work: usize| {
            let state = live.lock();
            let line = state.works[work].live_line(state.works[work].since, '⠋', 40);
            anstream::adapter::strip_str(&line).to_string()
        };
        assert_eq!(at_40(0), "  ⠋   compile number 0  37/120 a…  0.0s");
        assert_eq!(at_40(2), "  ⠋   compile number 2  0.0s");
    }
}
