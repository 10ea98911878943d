//! What one record becomes, and which are shown.

use super::*;

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
fn neighbours_of_one_stream_may_share_a_frame() {
    for format in FORMATS {
        let place = Place::new();
        let mut writer = place.writer(format);
        writer.take(Stream::Output, b"one\ntwo\n");
        writer.take(Stream::Error, b"x\n");
        writer.take(Stream::Output, b"three\n");
        writer.finish();
        let mut options = place.options(format);
        (options.raw, options.joined) = (false, true);
        assert_eq!(
            read(options),
            "\u{1}\0\0\0\0\0\0\u{8}one\ntwo\n\u{2}\0\0\0\0\0\0\u{2}x\n\u{1}\0\0\0\0\0\0\u{6}three\n"
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
