//! Layers as the engine unpacks them, lowest first.

use std::fs;
use std::path::PathBuf;

use super::changes::{opaque, whiteout};
use super::{Scene, is_root};
use crate::{Anatomy, TreeError, anatomy, difference};

struct Stack(Scene, Vec<PathBuf>);

impl Stack {
    fn new(layers: usize) -> Self {
        let scene = Scene::new();
        let paths: Vec<_> = (0..layers)
            .map(|at| scene.path().join(at.to_string()))
            .collect();
        for path in &paths {
            fs::create_dir(path).unwrap();
        }
        Self(scene, paths)
    }

    fn write(&self, layer: usize, name: &str, size: usize) {
        let path = self.1[layer].join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![b'x'; size]).unwrap();
    }

    fn found(&self) -> Anatomy {
        let found = anatomy(&self.1).unwrap();
        let (bytes, wasted) = (found.bytes.iter(), found.wasted.iter());
        assert_eq!(bytes.sum::<u64>(), found.visible + wasted.sum::<u64>());
        found
    }
}

#[test]
fn a_replaced_file_is_the_waste_of_the_layer_that_replaces_it() {
    let stack = Stack::new(3);
    stack.write(0, "a/file", 100);
    stack.write(0, "a/kept", 1);
    stack.write(1, "a/file", 30);
    stack.write(2, "a/file", 7);
    let found = stack.found();
    assert_eq!(found.wasted, [0, 100, 30]);
    assert_eq!(found.bytes, [101, 30, 7]);
    assert_eq!(found.files, [2, 1, 1]);
    assert_eq!(found.visible, 8);
}

#[test]
fn a_removed_directory_wastes_what_was_left_in_it() {
    if !is_root() {
        return;
    }
    let stack = Stack::new(4);
    stack.write(0, "cache/one", 100);
    stack.write(0, "cache/deep/two", 10);
    stack.write(1, "cache/one", 5);
    whiteout(&stack.1[2], "cache");
    whiteout(&stack.1[2], "never/was");
    stack.write(3, "cache/new", 2);
    let found = stack.found();
    assert_eq!(found.wasted, [0, 100, 15, 0]);
    assert_eq!(found.visible, 2);
    assert_eq!(found.files, [2, 1, 0, 1]);
}

#[test]
fn an_opaque_directory_hides_what_is_below_it() {
    if !is_root() {
        return;
    }
    let stack = Stack::new(2);
    stack.write(0, "data/old", 100);
    stack.write(0, "data/sub/old", 20);
    stack.write(1, "data/old", 3);
    opaque(&stack.1[1].join("data"));
    assert_eq!(stack.found().wasted, [0, 120]);
}

#[test]
fn a_directory_in_the_place_of_a_file_and_the_reverse_waste_it() {
    let stack = Stack::new(2);
    stack.write(0, "file", 9);
    stack.write(0, "dir/x", 4);
    stack.write(1, "file/inside", 1);
    stack.write(1, "dir", 2);
    assert_eq!(stack.found().wasted, [0, 13]);
}

#[test]
fn a_file_with_two_names_counts_at_the_first_and_a_link_is_not_followed() {
    let stack = Stack::new(2);
    stack.write(0, "a", 50);
    fs::hard_link(stack.1[0].join("a"), stack.1[0].join("b")).unwrap();
    let outside = stack.0.outside();
    std::os::unix::fs::symlink(&outside, stack.1[0].join("way")).unwrap();
    stack.write(1, "way/secret", 6);
    let link = outside.as_os_str().len() as u64;
    let found = stack.found();
    assert_eq!(found.bytes, [50 + link, 6]);
    assert_eq!(found.wasted, [0, link]);
}

#[test]
fn directories_within_each_other_in_many_layers_do_not_take_all_descriptors() {
    let stack = Stack::new(1);
    fs::create_dir_all(stack.1[0].join("d/".repeat(60))).unwrap();
    // One directory will do for all of them: each is opened by itself.
    let layers = vec![stack.1[0].clone(); 80];
    let refused = |result: Result<(), TreeError>| {
        let said = result.unwrap_err().to_string();
        assert_eq!(
            said,
            "the layers have too many directories within each other"
        );
    };
    refused(anatomy(&layers).map(|_| ()));
    refused(difference(&layers, &layers[1..], &mut |_| Ok(())));
    assert_eq!(anatomy(&layers[..20]).unwrap().visible, 0);
}
