//! Readers that go on while the writer does.

use super::*;

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
