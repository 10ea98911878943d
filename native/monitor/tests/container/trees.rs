//! Trees that are not plain directories of the host: parts, images, file systems, other owners.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::machine::Machine;

fn bind(source: &std::path::Path, more: &Value) -> Value {
    let mut mount = json!({
        "kind": "bind", "source": source, "target": "/tree", "readonly": false, "recursive": true,
        "propagation": "rprivate",
    });
    let fields = more.as_object().expect("object");
    for (name, value) in fields {
        mount[name] = value.clone();
    }
    json!({ "mounts": [mount] })
}

fn out(machine: &Machine, argv: &[&str], changes: &Value) -> String {
    machine.run(argv, changes).stdout.trim().to_owned()
}

#[test]
fn a_part_of_a_tree_is_reached_by_links_that_stay_inside() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let source = machine.dir.join("volume");
    fs::create_dir_all(source.join("part")).expect("part");
    fs::write(source.join("part/word"), "inside").expect("word");
    symlink("part", source.join("near")).expect("link");
    symlink("../lower/etc", source.join("far")).expect("link");
    symlink("/etc", source.join("absolute")).expect("link");
    for path in ["part", "near"] {
        let mounts = bind(&source, &json!({ "subpath": path }));
        assert_eq!(
            out(&machine, &["/probe", "read", "/tree/word"], &mounts),
            "inside"
        );
    }
    for path in ["far", "absolute", "..", "none"] {
        let mounts = bind(&source, &json!({ "subpath": path }));
        let (code, message) = machine.failure(&["/probe", "exit", "0"], &mounts);
        assert_eq!(code, "mount_conflict", "{path}: {message}");
        assert!(message.contains("cannot access path"), "{message}");
    }
}

#[test]
fn images_are_mounted_whole_or_in_part_and_nothing_of_them_can_be_written() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let upper = machine.dir.join("image-upper");
    fs::create_dir_all(upper.join("deep")).expect("layer");
    fs::write(upper.join("deep/word"), "from above").expect("word");
    let lower = json!([upper, machine.lower("")]);
    let image = |subpath: Value| {
        json!({ "mounts": [
            { "kind": "image", "lower": lower, "subpath": subpath, "target": "/tree" },
        ] })
    };
    let whole = image(Value::Null);
    assert_eq!(
        out(&machine, &["/probe", "read", "/tree/deep/word"], &whole),
        "from above"
    );
    assert_eq!(
        out(&machine, &["/probe", "write", "/tree/x", "x"], &whole),
        "errno 30"
    );
    let part = image("deep".into());
    assert_eq!(
        out(&machine, &["/probe", "read", "/tree/word"], &part),
        "from above"
    );
    assert_eq!(
        out(&machine, &["/probe", "write", "/tree/x", "x"], &part),
        "errno 30"
    );
    let (code, _) = machine.failure(&["/probe", "exit", "0"], &image("../x".into()));
    assert_eq!(code, "mount_conflict");
}

#[test]
fn a_file_system_is_made_for_the_container_alone() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let device = |kind: &str| {
        json!({ "mounts": [{
            "kind": "device", "fsType": kind, "device": "none", "options": ["size=1m,mode=700"],
            "target": "/tree", "readonly": false, "networkOf": std::process::id(),
        }] })
    };
    let before = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    let written = out(
        &machine,
        &["/probe", "write", "/tree/x", "x"],
        &device("tmpfs"),
    );
    assert_eq!(written, "written");
    assert_eq!(
        fs::read_to_string("/proc/self/mountinfo").expect("mounts"),
        before
    );
    let (code, message) = machine.failure(&["/probe", "exit", "0"], &device("no-such"));
    assert_eq!(code, "mount_conflict");
    assert!(message.contains("no file system \"no-such\""), "{message}");
}

#[test]
fn owners_are_shown_as_mapped() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let source = machine.dir.join("owned");
    fs::create_dir(&source).expect("source");
    std::os::unix::fs::chown(&source, Some(1000), Some(1000)).expect("owner");
    let mounts = bind(&source, &json!({ "idMap": { "uids": [], "gids": [] } }));
    let written = out(&machine, &["/probe", "write", "/tree/x", "x"], &mounts);
    assert_eq!(written, "written");
    let made = fs::metadata(source.join("x")).expect("made");
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&made), 1000);
}
