//! The election's dates and what ends before they are over, as a line and as a table.

use serde::Serialize;
use time::{Date, Duration};

use super::Told;
use super::words::day;

#[derive(Serialize)]
pub(super) struct Calendar {
    width: i64,
    height: i64,
    axis: i64,
    summary: String,
    spans: Vec<Span>,
    marks: Vec<Mark>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Span {
    x: i64,
    y: i64,
    width: i64,
}

#[derive(Serialize)]
struct Mark {
    x: i64,
    y1: i64,
    y2: i64,
    label: String,
    label_x: i64,
    label_y: i64,
    anchor: &'static str,
    warning: bool,
}

#[derive(Serialize)]
struct Row {
    when: String,
    what: String,
    source: String,
    left: String,
}

/// An entry of the calendar; `until` is after `from` for a span.
struct Entry {
    from: Date,
    until: Date,
    what: String,
    source: String,
    warning: bool,
}

const WIDTH: i64 = 720;
const MARGIN: i64 = 12;
const LANE: i64 = 22;
/// A character of a label is about this wide.
const LETTER: i64 = 7;

/// None without an election.
pub(super) fn calendar(input: &Told<'_>) -> Option<Calendar> {
    let now = input.document.run.now.get().date();
    input.estate.elections.first()?;
    let mut entries =
        vec![Entry { from: now, until: now, what: "this audit".into(), source: String::new(), warning: false }];
    for election in &input.estate.elections {
        let one = |from, until, what: &str| Entry {
            from,
            until,
            what: what.to_owned(),
            source: "estate".into(),
            warning: false,
        };
        if let Some(early) = election.early_voting {
            entries.push(one(early.from, early.until, "early voting"));
        }
        for freeze in &election.freeze {
            entries.push(one(freeze.period.from, freeze.period.until, "freeze"));
        }
        entries.push(one(election.polling_day, election.polling_day, &format!("polling day: {}", election.name)));
        let results = election.results_final.date();
        entries.push(one(results, results, &format!("results final: {}", election.name)));
    }
    for ending in input.index.endings.value().into_iter().flatten() {
        let date = ending.ends.get().date();
        let what = format!("{} of {} ends", ending.kind, ending.subject);
        entries.push(Entry { from: date, until: date, what, source: ending.source.clone(), warning: true });
    }
    entries.sort_by(|a, b| (a.from, &a.what).cmp(&(b.from, &b.what)));
    Some(draw(&entries, now))
}

fn draw(entries: &[Entry], now: Date) -> Calendar {
    let first = entries.iter().map(|e| e.from).min().unwrap_or(now).min(now) - Duration::days(2);
    let last = entries.iter().map(|e| e.until).max().unwrap_or(now) + Duration::days(4);
    let days = (last - first).whole_days().max(1);
    let x = |date: Date| MARGIN + (date - first).whole_days() * (WIDTH - 2 * MARGIN) / days;
    // Labels go into the first lane where they do not touch another.
    let mut lanes: Vec<i64> = Vec::new();
    let mut placed = Vec::new();
    for entry in entries {
        let label = format!("{} · {}", short(entry.from), cut(&entry.what));
        let length = label.chars().count() as i64 * LETTER;
        let at = x(entry.from);
        let (from, to, anchor) =
            if at + length + 6 <= WIDTH { (at, at + length + 10, "start") } else { (at - length - 10, at, "end") };
        let lane = lanes.iter().position(|end| *end < from).unwrap_or(lanes.len());
        if lane == lanes.len() {
            lanes.push(to);
        } else if let Some(end) = lanes.get_mut(lane) {
            *end = to;
        }
        placed.push((entry, lane as i64, label, at, anchor));
    }
    let axis = lanes.len() as i64 * LANE + 14;
    let (mut spans, mut marks) = (Vec::new(), Vec::new());
    for (entry, lane, label, at, anchor) in placed {
        let label_y = lane * LANE + 16;
        let label_x = if anchor == "start" { at + 5 } else { at - 5 };
        if entry.until > entry.from {
            let width = (x(entry.until) - at).max(3);
            // Overlapping periods lie below each other under the axis.
            let below = axis + 3 + spans.len() as i64 * 9;
            spans.push(Span { x: at, y: below, width });
        }
        marks.push(Mark { x: at, y1: label_y - 10, y2: axis, label, label_x, label_y, anchor, warning: entry.warning });
    }
    let rows = entries
        .iter()
        .map(|entry| Row {
            when: if entry.until > entry.from {
                format!("{} to {}", day(entry.from), day(entry.until))
            } else {
                day(entry.from)
            },
            what: entry.what.clone(),
            source: entry.source.clone(),
            left: left((entry.from - now).whole_days()),
        })
        .collect();
    let summary = format!("A line of dates from {} to {}; the table below has the same dates.", day(first), day(last));
    let height = axis + 6 + spans.len() as i64 * 9;
    Calendar { width: WIDTH, height, axis, summary, spans, marks, rows }
}

fn short(date: Date) -> String {
    date.format(time::macros::format_description!("[day padding:none] [month repr:short]")).unwrap_or_default()
}

fn cut(text: &str) -> String {
    const LONGEST: usize = 44;
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(LONGEST).collect::<String>())
    }
}

fn left(days: i64) -> String {
    match days {
        0 => "today".into(),
        1 => "in 1 day".into(),
        n if n > 0 => format!("in {n} days"),
        n => format!("{} days ago", -n),
    }
}
