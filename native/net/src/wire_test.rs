use super::*;

/// Bytes as words of 32 bits in the order of memory, which is how the layouts are drawn.
fn words(bytes: &[u8]) -> Vec<u32> {
    assert_eq!(bytes.len() % 4, 0);
    (0..bytes.len() / 4)
        .filter_map(|i| read_u32(bytes, i * 4))
        .collect()
}

#[test]
fn a_message_holds_header_padded_attributes_and_nests_with_their_lengths() {
    let mut batch = Batch::default();
    batch.message("first", 16, NLM_F_CREATE, &[7, 0, 0, 0], |m| {
        m.text(3, "ab");
        m.nest(18, |m| m.u32(1, 9));
    });
    batch.message("second", 17, 0, &[], |_| ());
    batch.acknowledge();
    let expected: Vec<u8> = [
        &40u32.to_ne_bytes()[..],
        &16u16.to_ne_bytes(),
        &0x401u16.to_ne_bytes(),
        &1u32.to_ne_bytes(),
        &[0; 4],
        &[7, 0, 0, 0],
        &7u16.to_ne_bytes(),
        &3u16.to_ne_bytes(),
        b"ab\0\0",
        &12u16.to_ne_bytes(),
        &0x8012u16.to_ne_bytes(),
        &8u16.to_ne_bytes(),
        &1u16.to_ne_bytes(),
        &9u32.to_ne_bytes(),
    ]
    .concat();
    assert_eq!(batch.bytes()[..40], expected);
    assert_eq!(words(&batch.bytes()[40..]), [16, 0x0005_0011, 2, 0]);
    assert_eq!((batch.awaited(), batch.op(1)), (Some(2), "first"));
}

fn error(code: i32, flags: u16, rest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(36 + rest.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(NLMSG_ERROR.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(5u32.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(code.to_ne_bytes());
    bytes.extend([0; HEADER]);
    bytes.extend(rest);
    bytes
}

#[test]
fn answers_tell_success_from_failure_and_read_the_kernels_sentence() {
    let sentence = [&8u16.to_ne_bytes()[..], &1u16.to_ne_bytes(), b"no!\0"].concat();
    let mut datagram = error(0, 0x100, &[]);
    datagram.extend(error(-22, 0x300, &sentence));
    let fault = Fault {
        errno: Errno::INVAL,
        text: "no!".into(),
    };
    let seen: Vec<_> = answers(&datagram).collect();
    assert_eq!(seen, [(5, Answer::Ack), (5, Answer::Failed(fault))]);
}

#[test]
fn broken_answers_end_the_walk_and_nothing_else() {
    let whole = error(-22, 0x300, &[8, 0, 1, 0, b'n', b'o', b'!', 0]);
    for length in 0..whole.len() {
        assert_eq!(answers(&whole[..length]).count(), 0);
    }
    for length in [0u32, 3, 15, u32::MAX] {
        let mut bytes = whole.clone();
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        assert_eq!(answers(&bytes).count(), 0);
    }
    for bytes in [&[0, 0, 1, 0][..], &[3, 0, 1, 0], &[9, 0, 1, 0, 5], &[1]] {
        assert_eq!(attributes(bytes).count(), 0);
    }
}
