//! Files that are full, and what a killed writer leaves.

use super::*;

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
