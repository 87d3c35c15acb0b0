//! The compact numbers of Hessian 2, in the smallest form, which is what Java writes.

/// An int.
#[inline]
pub(super) fn push_int(out: &mut Vec<u8>, v: i32) {
    match v {
        -0x10..=0x2f => out.push((v + 0x90) as u8),
        -0x800..=0x7ff => out.extend_from_slice(&[(0xc8 + (v >> 8)) as u8, v as u8]),
        -0x4_0000..=0x3_ffff => out.extend_from_slice(&[(0xd4 + (v >> 16)) as u8, (v >> 8) as u8, v as u8]),
        _ => {
            let [a, b, c, d] = v.to_be_bytes();
            out.extend_from_slice(&[b'I', a, b, c, d]);
        }
    }
}

/// A long.
#[inline]
pub(super) fn push_long(out: &mut Vec<u8>, v: i64) {
    match v {
        -8..=15 => out.push((v + 0xe0) as u8),
        -0x800..=0x7ff => out.extend_from_slice(&[(0xf8 + (v >> 8)) as u8, v as u8]),
        -0x4_0000..=0x3_ffff => out.extend_from_slice(&[(0x3c + (v >> 16)) as u8, (v >> 8) as u8, v as u8]),
        _ => match i32::try_from(v) {
            Ok(v) => {
                let [a, b, c, d] = v.to_be_bytes();
                out.extend_from_slice(&[0x59, a, b, c, d]);
            }
            Err(_) => {
                out.push(b'L');
                out.extend_from_slice(&v.to_be_bytes());
            }
        },
    }
}

/// A double. Unlike Java's writer it keeps the sign of -0.0, by the long form.
#[inline]
pub(super) fn push_double(out: &mut Vec<u8>, v: f64) {
    let whole = v as i32;
    if f64::from(whole) == v && (whole != 0 || v.is_sign_positive()) {
        match whole {
            0 => return out.push(0x5b),
            1 => return out.push(0x5c),
            -0x80..=0x7f => return out.extend_from_slice(&[0x5d, whole as u8]),
            -0x8000..=0x7fff => return out.extend_from_slice(&[0x5e, (whole >> 8) as u8, whole as u8]),
            _ => {}
        }
    }
    let mills = (v * 1000.0) as i32;
    if 0.001 * f64::from(mills) == v && (mills != 0 || v.is_sign_positive()) {
        let [a, b, c, d] = mills.to_be_bytes();
        return out.extend_from_slice(&[0x5f, a, b, c, d]);
    }
    out.push(b'D');
    out.extend_from_slice(&v.to_bits().to_be_bytes());
}

/// An int that begins `rest`, in any of its forms, and what follows it. None where it is another value or cut short.
#[inline]
pub(super) fn split_int(rest: &[u8]) -> Option<(i32, &[u8])> {
    Some(match *rest {
        [code @ 0x80..=0xbf, ref rest @ ..] => (i32::from(code) - 0x90, rest),
        [code @ 0xc0..=0xcf, b0, ref rest @ ..] => (((i32::from(code) - 0xc8) << 8) + i32::from(b0), rest),
        [code @ 0xd0..=0xd7, b1, b0, ref rest @ ..] => {
            (((i32::from(code) - 0xd4) << 16) + (i32::from(b1) << 8) + i32::from(b0), rest)
        }
        [b'I', a, b, c, d, ref rest @ ..] => (i32::from_be_bytes([a, b, c, d]), rest),
        _ => return None,
    })
}

/// A long, likewise.
#[inline]
pub(super) fn split_long(rest: &[u8]) -> Option<(i64, &[u8])> {
    Some(match *rest {
        [code @ 0xd8..=0xef, ref rest @ ..] => (i64::from(code) - 0xe0, rest),
        [code @ 0xf0..=0xff, b0, ref rest @ ..] => (((i64::from(code) - 0xf8) << 8) + i64::from(b0), rest),
        [code @ 0x38..=0x3f, b1, b0, ref rest @ ..] => {
            (((i64::from(code) - 0x3c) << 16) + (i64::from(b1) << 8) + i64::from(b0), rest)
        }
        [0x59, a, b, c, d, ref rest @ ..] => (i32::from_be_bytes([a, b, c, d]).into(), rest),
        [b'L', a, b, c, d, e, f, g, h, ref rest @ ..] => (i64::from_be_bytes([a, b, c, d, e, f, g, h]), rest),
        _ => return None,
    })
}

/// A double, likewise.
#[inline]
pub(super) fn split_double(rest: &[u8]) -> Option<(f64, &[u8])> {
    Some(match *rest {
        [0x5b, ref rest @ ..] => (0.0, rest),
        [0x5c, ref rest @ ..] => (1.0, rest),
        [0x5d, a, ref rest @ ..] => (f64::from(a as i8), rest),
        [0x5e, a, b, ref rest @ ..] => (f64::from(i16::from_be_bytes([a, b])), rest),
        // by multiplication, as Java does it: dividing by 1000 gives other numbers
        [0x5f, a, b, c, d, ref rest @ ..] => (0.001 * f64::from(i32::from_be_bytes([a, b, c, d])), rest),
        [b'D', a, b, c, d, e, f, g, h, ref rest @ ..] => (f64::from_be_bytes([a, b, c, d, e, f, g, h]), rest),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn ints_at_their_edges() {
        for (v, expected) in [
            (0, "90"),
            (-16, "80"),
            (47, "bf"),
            (-17, "c7ef"),
            (48, "c830"),
            (-2048, "c000"),
            (2047, "cfff"),
            (-2049, "d3f7ff"),
            (2048, "d40800"),
            (-262_144, "d00000"),
            (262_143, "d7ffff"),
            (-262_145, "49fffbffff"),
            (262_144, "4900040000"),
            (i32::MIN, "4980000000"),
            (i32::MAX, "497fffffff"),
        ] {
            let mut out = Vec::new();
            push_int(&mut out, v);
            assert_eq!(hex(&out), expected, "{v}");
            assert_eq!(split_int(&out), Some((v, &[][..])));
            assert_eq!(split_int(&out[..out.len() - 1]), None);
        }
    }

    #[test]
    fn longs_at_their_edges() {
        for (v, expected) in [
            (0, "e0"),
            (-8, "d8"),
            (15, "ef"),
            (-9, "f7f7"),
            (16, "f810"),
            (-2048, "f000"),
            (2047, "ffff"),
            (-2049, "3bf7ff"),
            (2048, "3c0800"),
            (-262_144, "380000"),
            (262_143, "3fffff"),
            (-262_145, "59fffbffff"),
            (262_144, "5900040000"),
            (i32::MIN.into(), "5980000000"),
            (i32::MAX.into(), "597fffffff"),
            (i64::from(i32::MAX) + 1, "4c0000000080000000"),
            (i64::MIN, "4c8000000000000000"),
            (i64::MAX, "4c7fffffffffffffff"),
        ] {
            let mut out = Vec::new();
            push_long(&mut out, v);
            assert_eq!(hex(&out), expected, "{v}");
            assert_eq!(split_long(&out), Some((v, &[][..])));
            assert_eq!(split_long(&out[..out.len() - 1]), None);
        }
    }

    #[test]
    fn doubles_at_their_edges() {
        for (v, expected) in [
            (0.0, "5b"),
            (-0.0, "448000000000000000"),
            (1.0, "5c"),
            (2.0, "5d02"),
            (-128.0, "5d80"),
            (127.0, "5d7f"),
            (-129.0, "5eff7f"),
            (128.0, "5e0080"),
            (-32_768.0, "5e8000"),
            (32_767.0, "5e7fff"),
            (32_768.0, "5f01f40000"),
            (12.25, "5f00002fda"),
            (0.001, "5f00000001"),
            (-0.001, "5fffffffff"),
            (0.009, "443f826e978d4fdf3b"),
            (1e10, "444202a05f20000000"),
            (f64::NAN, "447ff8000000000000"),
            (f64::NEG_INFINITY, "44fff0000000000000"),
            (f64::MIN_POSITIVE, "440010000000000000"),
            (-f64::MIN_POSITIVE, "448010000000000000"),
        ] {
            let mut out = Vec::new();
            push_double(&mut out, v);
            assert_eq!(hex(&out), expected, "{v}");
            let (back, rest) = split_double(&out).unwrap();
            assert_eq!((back.to_bits(), rest.len()), (v.to_bits(), 0));
            assert_eq!(split_double(&out[..out.len() - 1]), None);
        }
    }

    #[test]
    fn every_mill_below_one_keeps_its_value() {
        let full = (1..1000).map(|k| f64::from(k) / 1000.0).filter(|v| {
            let mut out = Vec::new();
            push_double(&mut out, *v);
            assert_eq!(split_double(&out).unwrap().0, *v);
            out.len() == 9
        });
        // what multiplying by 0.001 does not give: the specification counts them
        assert_eq!(full.count(), 144);
    }
}
