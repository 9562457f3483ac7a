use super::{ENOUGH, Outgoing, PIECE, Piece, SPARE};
use crate::session::tests::simulation::random::Random;
use std::collections::VecDeque;
use std::ops::Range;

fn all(outgoing: &Outgoing) -> Vec<u8> {
    let (full, spare) = outgoing.others.split_at(outgoing.full);
    assert!(!full.iter().any(Piece::is_empty) && spare.iter().all(Piece::is_empty));
    let pieces = full.iter().chain([&outgoing.last]);
    let all: Vec<u8> = pieces.flat_map(|piece| piece.pending().to_vec()).collect();
    assert!(all.starts_with(outgoing.pending()));
    assert_eq!(outgoing.pending().is_empty(), all.is_empty());
    assert_eq!(outgoing.len(), all.len());
    all
}

fn take_all(outgoing: &mut Outgoing) {
    while !outgoing.is_empty() {
        outgoing.take(outgoing.pending().len());
    }
}

#[test]
fn positions_go_on_while_bytes_leave() {
    let mut outgoing = Outgoing::default();
    outgoing.write(b"abcdef");
    outgoing.take(2);
    assert_eq!(
        (outgoing.taken(), outgoing.end(), outgoing.pending()),
        (2, 6, &b"cdef"[..])
    );
    outgoing.write(b"gh");
    assert!(!outgoing.cut(1..4), "its first byte has left");
    assert!(outgoing.cut(4..6));
    assert_eq!(outgoing.pending(), b"cdgh");
    outgoing.take(4);
    assert_eq!(
        (outgoing.taken(), outgoing.end(), outgoing.is_empty()),
        (6, 6, true)
    );
}

#[test]
fn what_has_left_gives_room_to_what_comes_though_it_is_never_empty() {
    for size in [1_007, 10_007, 100_007] {
        let mut outgoing = Outgoing::default();
        for _ in 0..1_000 {
            outgoing.try_reserve(size).expect("memory");
            outgoing.append(size).fill(0);
            while outgoing.len() >= 6 * size {
                outgoing.take((size - 6).min(outgoing.pending().len()));
            }
        }
        let capacity = outgoing.capacity();
        assert!(capacity <= 16 * size + 4 * PIECE, "{size}: {capacity}");
    }
}

/// Against what is so simple that it must be right: packets of all sizes come, leave in part and are cut out.
#[test]
fn it_is_one_stream_in_however_many_pieces() {
    let mut random = Random::new(1);
    let mut outgoing = Outgoing::default();
    let mut expected: Vec<u8> = Vec::new();
    let mut packets: VecDeque<Range<u64>> = VecDeque::new();
    let (mut most_pieces, mut cuts, mut emptied) = (0, 0, 0);
    for round in 0..30_000u32 {
        match random.below(8) {
            0..4 => {
                let most = random.pick(&[20, ENOUGH, 4 * PIECE]);
                let size = 1 + random.below(most);
                let packet: Vec<u8> = (0..size).map(|at| (at as u32 ^ round) as u8).collect();
                let start = outgoing.end();
                outgoing.write(&packet);
                expected.extend_from_slice(&packet);
                packets.push_back(start..outgoing.end());
            }
            4 if !packets.is_empty() => {
                let packet = packets[random.below(packets.len())].clone();
                let begun = packet.start < outgoing.taken();
                assert_eq!(outgoing.cut(packet.clone()), !begun);
                if !begun {
                    cuts += 1;
                    let start = (packet.start - outgoing.taken()) as usize;
                    let length = (packet.end - packet.start) as usize;
                    expected.drain(start..start + length);
                    packets.retain(|other| *other != packet);
                    for later in packets.iter_mut().filter(|it| it.start > packet.start) {
                        *later = later.start - length as u64..later.end - length as u64;
                    }
                }
            }
            _ => {
                for _ in 0..random.below(4) {
                    let pending = outgoing.pending().len();
                    let some = pending.min(random.below(ENOUGH));
                    let count = random.pick(&[some, pending]);
                    outgoing.take(count);
                    expected.drain(..count);
                }
                packets.retain(|packet| packet.end > outgoing.taken());
            }
        }
        assert_eq!(outgoing.end() - outgoing.taken(), expected.len() as u64);
        most_pieces = most_pieces.max(outgoing.full);
        emptied += usize::from(expected.is_empty());
        if round % 16 == 0 {
            assert!(all(&outgoing) == expected, "round {round}");
        }
        if random.below(50) == 0 {
            outgoing.shrink();
        }
    }
    assert!(
        most_pieces >= 3 && cuts >= 1_000 && emptied >= 300,
        "{most_pieces} {cuts} {emptied}"
    );
}

/// Between what was taken and what was cut out no byte is left, and yet it did not begin at its front.
#[test]
fn a_piece_that_a_cut_has_emptied_begins_anew() {
    for secret in [false, true] {
        let mut piece = Piece::default();
        piece.grow(10_000).expect("memory");
        piece.append(5_000).fill(7);
        piece.append(3).fill(8);
        if secret {
            piece.holds_secret();
        }
        piece.take(5_000);
        piece.cut(0..3);
        piece.shrink();
        assert!(piece.is_empty());
        piece.grow(4).expect("memory");
        piece.append(4).copy_from_slice(b"next");
        assert_eq!(piece.pending(), b"next");
    }
}

#[test]
fn a_password_does_not_stay_when_it_has_left_nor_where_the_buffer_was() {
    let mut outgoing = Outgoing::default();
    outgoing.write(b"secret");
    outgoing.holds_secret();
    outgoing.take(3);
    outgoing.write(&[7; 5_000]);
    assert_eq!(outgoing.pending()[..5], *b"ret\x07\x07");
    outgoing.take(5_003);
    assert!(!outgoing.last.has_room(1), "wiped");
    outgoing.write(b"next");
    assert_eq!(outgoing.pending(), b"next");
}

#[test]
fn a_password_in_a_full_piece_is_wiped_before_the_piece_is_used_again() {
    let mut outgoing = Outgoing::default();
    outgoing.write(&[b'p'; ENOUGH]);
    outgoing.holds_secret();
    outgoing.write(&[7; ENOUGH]);
    assert_eq!(outgoing.full, 1);
    take_all(&mut outgoing);
    assert!(!outgoing.others[0].has_room(1), "wiped");
}

#[test]
fn what_a_large_packet_took_is_given_back_when_it_has_left() {
    let mut outgoing = Outgoing::default();
    outgoing.append(1 << 20).fill(0);
    outgoing.take(1 << 20);
    assert!(outgoing.capacity() <= 4 << 10);
}

#[test]
fn what_a_burst_took_is_given_back_little_by_little_and_to_an_idle_client_all_of_it() {
    let mut outgoing = Outgoing::default();
    for _ in 0..400 {
        outgoing.write(&[7; PIECE / 10]);
    }
    take_all(&mut outgoing);
    let before = outgoing.others.len();
    assert!(before > 3 * SPARE);
    for given_back in 1..=100 {
        outgoing.write(b"small");
        take_all(&mut outgoing);
        let kept = before.saturating_sub(given_back).max(SPARE);
        assert_eq!(outgoing.others.len(), kept);
    }
    outgoing.shrink();
    assert!(outgoing.capacity() <= 4 << 10);
}

/// What the memory limit counts are the bytes that are to leave.
#[test]
fn pieces_hold_little_more_than_they_have_to_send() {
    for size in [
        PIECE / 100,
        PIECE / 16 + 1,
        PIECE / 4 + 1,
        PIECE / 3 + 1,
        PIECE / 2 + 1,
        2 * PIECE,
    ] {
        let mut outgoing = Outgoing::default();
        while outgoing.len() < 100 * PIECE {
            outgoing.write(&vec![7; size]);
        }
        let (capacity, length) = (outgoing.capacity(), outgoing.len());
        assert!(
            capacity < length + length / 16 + 4 * PIECE,
            "{size}: {capacity} for {length}"
        );
    }
}

/// Publishes time out behind a link that takes nothing; what stands between them does not.
#[test]
fn what_is_cut_out_leaves_no_memory_behind() {
    let mut outgoing = Outgoing::default();
    let mut stays = Vec::new();
    for round in 0..400u32 {
        outgoing.write(&round.to_be_bytes());
        stays.extend_from_slice(&round.to_be_bytes());
        let start = outgoing.end();
        let length = (PIECE / 8) as u64;
        for _ in 0..10 {
            outgoing.write(&[7; PIECE / 8]);
        }
        for _ in 0..10 {
            assert!(outgoing.cut(start..start + length));
        }
    }
    assert_eq!(all(&outgoing), stays);
    let capacity = outgoing.capacity();
    assert!(capacity < 16 * PIECE, "{capacity}");
}
