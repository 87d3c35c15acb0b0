//! What the two sides tell each other before the first call. No IO here.

use springline_core::{Container, Error, Result, ServiceInfo, Sink, Source, Value};

/// What a daemon says of an object in the handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// Names of methods.
    pub methods: Vec<String>,
    /// Those of them that callers should not wait for.
    pub oneway: Vec<String>,
    /// Names of attributes.
    pub attrs: Vec<String>,
}

impl ObjectMetadata {
    /// From a service's own description.
    #[must_use]
    pub fn of(info: &ServiceInfo) -> Self {
        use springline_core::CallKind;
        let mut this = Self::default();
        for m in info.methods.iter() {
            let name = m.name.to_string();
            match m.kind {
                CallKind::Method => {
                    if m.oneway {
                        this.oneway.push(name.clone());
                    }
                    this.methods.push(name);
                }
                CallKind::GetAttr | CallKind::SetAttr => {
                    if !this.attrs.contains(&name) {
                        this.attrs.push(name);
                    }
                }
            }
        }
        this
    }

    /// From what came: lists, tuples or sets.
    pub(crate) fn from_value(value: &Value) -> Self {
        let names = |field: &str| {
            let items = value.field(field).and_then(Value::as_items).unwrap_or_default();
            items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        Self { methods: names("methods"), oneway: names("oneway"), attrs: names("attrs") }
    }

    /// As a map, with sets as Pyro5 has them or with the lists of Pyro4's handshake.
    #[must_use]
    pub fn to_value(&self, sets: bool) -> Value {
        let names = |list: &[String]| {
            let items = list.iter().map(|n| Value::from(n.as_str())).collect();
            if sets { Value::Set(items) } else { Value::List(items) }
        };
        Value::Map(vec![
            ("methods".into(), names(&self.methods)),
            ("oneway".into(), names(&self.oneway)),
            ("attrs".into(), names(&self.attrs)),
        ])
    }
}

/// The request: handshake data and the object that the connection is for.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectRequest {
    /// What the daemon's check gets to see; Python sends `"hello"` unless told otherwise.
    pub handshake: Value,
    /// Missing when a Pyro4 client asks for no metadata.
    pub object: Option<String>,
}

impl ConnectRequest {
    /// Writes a request's payload.
    ///
    /// # Errors
    /// When the serializer cannot express the handshake data.
    pub fn write(handshake: &Value, object: &str, sink: &mut dyn Sink) -> Result<()> {
        sink.begin(Container::map(Some(2)))?;
        sink.str("handshake")?;
        handshake.write(sink)?;
        sink.str("object")?;
        sink.str(object)?;
        sink.end()
    }

    /// Reads a request's payload.
    ///
    /// # Errors
    /// When it has another shape.
    pub fn read(source: &mut dyn Source<'_>) -> Result<Self> {
        let value = Value::read_tree(source)?;
        let handshake = value.field("handshake").cloned();
        let handshake = handshake.ok_or_else(|| Error::malformed(0, "the handshake has no key 'handshake'"))?;
        let object = match value.field("object") {
            None => None,
            Some(Value::Str(id)) => Some(id.clone()),
            Some(other) => {
                // Marshal of Python 2 (4.82 on 2.7.18).
                if let Some(id) = other.as_bytes().and_then(|id| std::str::from_utf8(id).ok()) {
                    return Ok(Self { handshake, object: Some(id.to_owned()) });
                }
                return Err(Error::malformed(0, format!("the handshake's 'object' must be a string, found {other:?}")));
            }
        };
        Ok(Self { handshake, object })
    }
}

/// The answer: the daemon's own handshake data and the object's metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectReply {
    /// The daemon's own data.
    pub handshake: Value,
    /// What it says of the object, if it was asked.
    pub metadata: Option<ObjectMetadata>,
}

impl ConnectReply {
    /// Reads an answer's payload, which without metadata is the handshake data alone.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(source: &mut dyn Source<'_>, has_meta: bool) -> Result<Self> {
        let value = Value::read_tree(source)?;
        if !has_meta {
            return Ok(Self { handshake: value, metadata: None });
        }
        let metadata = match value.field("meta") {
            None | Some(Value::Null) => None,
            Some(meta) => Some(ObjectMetadata::from_value(meta)),
        };
        Ok(Self { handshake: value.field("handshake").cloned().unwrap_or_default(), metadata })
    }

    /// Writes an answer's payload, with sets as Pyro5 has them or with Pyro4's lists.
    ///
    /// # Errors
    /// When the serializer cannot express the handshake data.
    pub fn write(&self, sink: &mut dyn Sink, sets: bool) -> Result<()> {
        let meta = self.metadata.clone().unwrap_or_default().to_value(sets);
        Value::Map(vec![("handshake".into(), self.handshake.clone()), ("meta".into(), meta)]).write(sink)
    }
}
