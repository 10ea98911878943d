//! Writer and reader together.

use crate::record::{Format, Stream};
use crate::testing::{Place, numbered, read, read_on, text};
use crate::writer::MAX_LINE;
use crate::{ReadOptions, Reader, Settings, Writer};

const FORMATS: [Format; 2] = [Format::Json, Format::Local];

fn rotating(place: &Place, format: Format, max_file: u32) -> Writer {
    Writer::open(Settings {
        max_size: Some(2000),
        max_file,
        ..place.settings(format)
    })
    .expect("writer")
}

/// Writes numbered lines in small batches, so that rotations fall between and within them.
fn write_lines(writer: &mut Writer, range: std::ops::Range<u32>) {
    for start in range.clone().step_by(7) {
        let end = range.end.min(start + 7);
        writer.take(Stream::Output, numbered(start..end).as_bytes());
    }
}

/// Tends to compressions until there is none.
fn settle(writer: &mut Writer) {
    while writer.rest() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Number of the first line that is there; from it on none may be missing.
fn first_without_gap(found: &str, end: u32) -> u32 {
    let first = found.lines().next().expect("a line");
    let first = first.trim_start_matches("line ").parse().expect("number");
    assert_eq!(found, numbered(first..end));
    first
}

#[test]
fn a_json_line_is_dockers() {
    let place = Place::new();
    let mut writer = Writer::open(Settings {
        attrs: Some("{\"a\":\"b\"}".into()),
        ..place.settings(Format::Json)
    })
    .expect("writer");
    writer.take(Stream::Output, b"x<y\n");
    writer.finish();
    let line = text(&place.path());
    let (head, time) = line.split_once("\"time\":\"").expect("time");
    assert_eq!(
        head,
        r#"{"log":"x\u003cy\n","stream":"stdout","attrs":{"a":"b"},"#
    );
    assert_eq!(time.len(), "2026-11-24T05:52:15.123456789Z\"}\n".len());
}

#[test]
fn a_line_in_two_pieces_is_one_record() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = place.writer(format);
        writer.take(Stream::Output, b"ab");
        writer.take(Stream::Error, b"x\n");
        writer.take(Stream::Output, b"c\nrest");
        writer.finish();
        let mut options = place.options(format);
        options.raw = false;
        assert_eq!(
            read(options),
            "\u{2}\0\0\0\0\0\0\u{2}x\n\u{1}\0\0\0\0\0\0\u{4}abc\n\u{1}\0\0\0\0\0\0\u{4}rest"
        );
    }
}

#[test]
fn long_lines_are_cut_between_characters() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = place.writer(format);
        let long = "aé".repeat(MAX_LINE);
        writer.take(Stream::Output, &long.as_bytes()[..100]);
        writer.take(Stream::Output, &long.as_bytes()[100..]);
        writer.take(Stream::Output, b"\n");
        let exact = "b".repeat(MAX_LINE) + "\n";
        writer.take(Stream::Output, exact.as_bytes());
        writer.finish();
        assert_eq!(read(place.options(format)), format!("{long}\n{exact}"));
        let mut last = place.options(format);
        last.tail = Some(1);
        assert_eq!(read(last), exact);
    }
}

#[test]
fn rotation_keeps_the_newest_lines_in_order() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = rotating(&place, format, 3);
        write_lines(&mut writer, 0..1000);
        writer.finish();
        assert_eq!(place.names(), ["x.log", "x.log.1", "x.log.2"]);
        for name in place.names() {
            let size = std::fs::metadata(place.dir.join(name)).expect("file").len();
            assert!(size < 2200, "{size}");
        }
        assert!(first_without_gap(&read(place.options(format)), 1000) > 700);
    }
}

#[test]
fn rotated_files_are_compressed_and_read_all_the_same() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = Writer::open(Settings {
            max_size: Some(2000),
            max_file: 4,
            compress: true,
            ..place.settings(format)
        })
        .expect("writer");
        for start in (0..600).step_by(20) {
            write_lines(&mut writer, start..start + 20);
            settle(&mut writer);
        }
        writer.finish();
        assert_eq!(
            place.names(),
            ["x.log", "x.log.1.gz", "x.log.2.gz", "x.log.3.gz"]
        );
        let first = first_without_gap(&read(place.options(format)), 600);
        assert!(first < 580);
        for count in [1, 5, 30, 60, 1000] {
            let options = ReadOptions {
                tail: Some(count),
                ..place.options(format)
            };
            let start = first.max(600_u32.saturating_sub(u32::try_from(count).expect("u32")));
            assert_eq!(read(options), numbered(start..600), "{count}");
        }
    }
}

#[test]
fn what_is_still_plain_at_the_end_is_compressed_behind_it() {
    for queue in [None, Some(1 << 20)] {
        let place = Place::new();
        let open = || {
            Writer::open(Settings {
                max_size: Some(2000),
                max_file: 4,
                compress: true,
                queue,
                ..place.settings(Format::Json)
            })
            .expect("writer")
        };
        let mut writer = open();
        write_lines(&mut writer, 0..600);
        writer.finish();
        writer.settle();
        let all = ["", ".1.gz", ".2.gz", ".3.gz"].map(|ending| format!("x.log{ending}"));
        assert_eq!(place.names(), all);
        let mut writer = open();
        write_lines(&mut writer, 600..1200);
        writer.finish();
        // The next writer comes before this one has settled.
        let mut next = open();
        std::thread::scope(|scope| {
            scope.spawn(|| writer.settle());
            write_lines(&mut next, 1200..1203);
        });
        next.finish();
        next.settle();
        assert_eq!(place.names(), all);
        first_without_gap(&read(place.options(Format::Json)), 1203);
    }
}

#[test]
fn a_single_file_is_emptied_in_place() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = rotating(&place, format, 1);
        write_lines(&mut writer, 0..500);
        writer.finish();
        assert_eq!(place.names(), ["x.log"]);
        first_without_gap(&read(place.options(format)), 500);
    }
}

#[test]
fn what_a_killed_writer_left_is_passed_over_and_the_next_begins_afresh() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = place.writer(format);
        write_lines(&mut writer, 0..3);
        drop(writer);
        let whole = std::fs::read(place.path()).expect("log");
        for torn in 1..20 {
            std::fs::write(place.path(), &whole[..whole.len() - torn]).expect("log");
            for left_over in ["x.log.new", "x.log.gz.new", "x.log.gz.done"] {
                std::fs::write(place.dir.join(left_over), "junk").expect("file");
            }
            let mut writer = place.writer(format);
            write_lines(&mut writer, 3..5);
            writer.finish();
            assert_eq!(place.names(), ["x.log"]);
            let found = read(place.options(format));
            // Of a JSON line without its newline alone nothing is lost.
            let kept = if torn == 1 && format == Format::Json {
                3
            } else {
                2
            };
            assert_eq!(
                found,
                numbered(0..kept) + &numbered(3..5),
                "{format:?} {torn}"
            );
            let last = ReadOptions {
                tail: Some(3),
                ..place.options(format)
            };
            assert_eq!(read(last), numbered(kept - 1..kept) + &numbered(3..5));
        }
    }
}

#[test]
fn a_torn_end_is_not_read() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = place.writer(format);
        write_lines(&mut writer, 0..300);
        writer.finish();
        let whole = std::fs::read(place.path()).expect("log");
        std::fs::write(place.path(), &whole[..whole.len() - 5]).expect("log");
        assert_eq!(read(place.options(format)), numbered(0..299));
        for count in [0, 1, 100, 298, 299, 1000] {
            let options = ReadOptions {
                tail: Some(count),
                ..place.options(format)
            };
            let start = 299_u32.saturating_sub(u32::try_from(count).expect("u32"));
            assert_eq!(read(options), numbered(start..299), "{format:?} {count}");
        }
    }
}

#[test]
fn a_follower_loses_nothing_to_rotation_and_compression() {
    for format in FORMATS {
        for compress in [false, true] {
            let place = Place::new();
            let mut writer = Writer::open(Settings {
                max_size: Some(1500),
                max_file: 6,
                compress,
                ..place.settings(format)
            })
            .expect("writer");
            let options = ReadOptions {
                follow: true,
                ..place.options(format)
            };
            let mut reader = Reader::open(options).expect("reader");
            let mut found = Vec::new();
            // Several rotations between two looks.
            for start in (0..2000).step_by(50) {
                write_lines(&mut writer, start..start + 50);
                settle(&mut writer);
                found.extend(read_on(&mut reader));
                let found = String::from_utf8(found.clone()).expect("UTF-8");
                assert!(
                    found == numbered(0..start + 50),
                    "{format:?} {compress} {start}: {found}"
                );
            }
            assert!(!reader.is_over());
        }
    }
}

#[test]
fn a_follower_that_is_slow_holds_what_the_writer_deletes() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = rotating(&place, format, 2);
        let options = ReadOptions {
            follow: true,
            ..place.options(format)
        };
        let mut reader = Reader::open(options).expect("reader");
        for start in (0..500).step_by(10) {
            write_lines(&mut writer, start..start + 10);
            reader.hold();
        }
        let found = String::from_utf8(read_on(&mut reader)).expect("UTF-8");
        assert_eq!(found, numbered(0..500));
        // Not without end.
        for start in (500..9500).step_by(10) {
            write_lines(&mut writer, start..start + 10);
            reader.hold();
        }
        let found = String::from_utf8(read_on(&mut reader)).expect("UTF-8");
        assert!(found.starts_with("line 500\n") && found.ends_with("line 9499\n"));
        assert!(found.len() < numbered(500..9500).len());
    }
}

#[test]
fn a_follower_of_a_single_file_goes_on_when_it_is_emptied() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = rotating(&place, format, 1);
        let options = ReadOptions {
            follow: true,
            tail: Some(0),
            ..place.options(format)
        };
        write_lines(&mut writer, 0..10);
        let mut reader = Reader::open(options).expect("reader");
        let mut found = Vec::new();
        for number in 10..200 {
            write_lines(&mut writer, number..number + 1);
            found.extend(read_on(&mut reader));
        }
        assert_eq!(String::from_utf8(found).expect("UTF-8"), numbered(10..200));
    }
}

#[test]
fn times_bound_what_is_read() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = place.writer(format);
        let mut moments = Vec::new();
        for number in 0..5 {
            writer.take(Stream::Output, numbered(number..number + 1).as_bytes());
            std::thread::sleep(std::time::Duration::from_millis(2));
            moments.push(crate::time::now_nanos());
        }
        let options = ReadOptions {
            since: Some(moments[0]),
            until: Some(moments[2]),
            timestamps: true,
            ..place.options(format)
        };
        let found = read(options);
        let lines: Vec<_> = found.lines().map(|line| line.split_at(31)).collect();
        assert_eq!(
            lines.iter().map(|l| l.1).collect::<Vec<_>>(),
            ["line 1", "line 2"]
        );
        assert!(lines.iter().all(|l| l.0.ends_with("Z ")));
    }
}

#[test]
fn streams_are_chosen_and_details_shown() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = Writer::open(Settings {
            attrs: Some("{\"b\":\"x y\",\"a\":\"1/2\"}".into()),
            ..place.settings(format)
        })
        .expect("writer");
        for _ in 0..3 {
            writer.take(Stream::Output, b"out\n");
            writer.take(Stream::Error, b"err\n");
        }
        let options = ReadOptions {
            stdout: false,
            details: true,
            tail: Some(2),
            ..place.options(format)
        };
        assert_eq!(read(options), "a=1%2F2,b=x+y err\na=1%2F2,b=x+y err\n");
    }
}

#[test]
fn a_queue_drops_whole_records_and_is_drained_at_the_end() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = Writer::open(Settings {
            queue: Some(4000),
            ..place.settings(format)
        })
        .expect("writer");
        writer.take(Stream::Output, numbered(0..10_000).as_bytes());
        writer.finish();
        let found = read(place.options(format));
        assert!(!found.is_empty() && found.len() < 8000, "{}", found.len());
        // Ten batches came: what was lost are ends of batches.
        assert!(found.starts_with("line 0\n"));
        for line in found.lines() {
            let number = line.strip_prefix("line ").expect("a whole line");
            assert!(number.parse::<u32>().is_ok());
        }
        assert!(found.ends_with('\n'));
    }
}

#[test]
fn there_may_be_no_log() {
    let place = Place::new();
    assert_eq!(read(place.options(Format::Json)), "");
    let follow = ReadOptions {
        follow: true,
        ..place.options(Format::Json)
    };
    let mut reader = Reader::open(follow).expect("reader");
    assert_eq!(read_on(&mut reader), b"");
    place.writer(Format::Json).take(Stream::Output, b"later\n");
    assert_eq!(read_on(&mut reader), b"later\n");
}
