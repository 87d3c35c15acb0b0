//! [`Annotations`]: the small named byte strings beside a call or a reply.

use std::borrow::Cow;
use std::ops::Deref;

use bytes::Bytes;

type Annotation = (Cow<'static, str>, Bytes);

/// Names (four ASCII characters in Pyro) and data, in order. Most calls have none: it is one pointer wide.
#[derive(Clone, Debug, Default, Eq)]
#[allow(clippy::box_collection)] // for its size: every call and every reply has one
pub struct Annotations(Option<Box<Vec<Annotation>>>);

impl Annotations {
    /// None.
    #[must_use]
    #[inline]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Adds one behind the others.
    pub fn push(&mut self, annotation: Annotation) {
        self.0.get_or_insert_default().push(annotation);
    }

    /// Takes out the first one of that name.
    pub fn take(&mut self, key: &str) -> Option<Bytes> {
        let list = self.0.as_mut()?;
        let index = list.iter().position(|(k, _)| k == key)?;
        let (_, data) = list.remove(index);
        if list.is_empty() {
            self.0 = None;
        }
        Some(data)
    }
}

impl Deref for Annotations {
    type Target = [Annotation];

    #[inline]
    fn deref(&self) -> &[Annotation] {
        self.0.as_ref().map_or(&[], |list| list.as_slice())
    }
}

impl AsRef<[Annotation]> for Annotations {
    fn as_ref(&self) -> &[Annotation] {
        self
    }
}

impl<T: AsRef<[Annotation]> + ?Sized> PartialEq<T> for Annotations {
    fn eq(&self, other: &T) -> bool {
        **self == *other.as_ref()
    }
}

impl From<Vec<Annotation>> for Annotations {
    fn from(list: Vec<Annotation>) -> Self {
        Self((!list.is_empty()).then(|| Box::new(list)))
    }
}

impl FromIterator<Annotation> for Annotations {
    fn from_iter<I: IntoIterator<Item = Annotation>>(list: I) -> Self {
        Vec::from_iter(list).into()
    }
}

impl IntoIterator for Annotations {
    type Item = Annotation;
    type IntoIter = std::vec::IntoIter<Annotation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map_or_else(Vec::new, |list| *list).into_iter()
    }
}

impl<'a> IntoIterator for &'a Annotations {
    type Item = &'a Annotation;
    type IntoIter = std::slice::Iter<'a, Annotation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_and_by_name() {
        let one = |key: &'static str| (Cow::Borrowed(key), Bytes::from_static(key.as_bytes()));
        let mut list = Annotations::new();
        assert!(list.is_empty() && list.take("AAAA").is_none());
        for key in ["AAAA", "BBBB", "AAAA"] {
            list.push(one(key));
        }
        assert_eq!(list, [one("AAAA"), one("BBBB"), one("AAAA")]);
        assert_eq!(list.take("AAAA").as_deref(), Some(&b"AAAA"[..]));
        assert_eq!(list.clone().into_iter().collect::<Annotations>(), vec![one("BBBB"), one("AAAA")]);
        list.take("AAAA").and_then(|_| list.take("BBBB")).unwrap();
        assert_eq!(list, Annotations::default());
    }
}
