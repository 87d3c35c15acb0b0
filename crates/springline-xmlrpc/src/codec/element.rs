//! The elements of XML-RPC by their names.

/// The namespace of Apache's extension types.
pub(crate) const APACHE: &str = "http://ws.apache.org/xmlrpc/namespaces/extensions";

/// An element of XML-RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    MethodCall,
    MethodResponse,
    MethodName,
    Params,
    Param,
    Fault,
    Value,
    Array,
    Data,
    Struct,
    Member,
    Name,
    Int,
    I4,
    I1,
    I2,
    I8,
    Boolean,
    String,
    Double,
    Float,
    DateTime,
    ApacheDateTime,
    Base64,
    Nil,
    BigInteger,
    BigDecimal,
    Serializable,
    Dom,
    Other,
}

impl Element {
    #[inline]
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"value" => Self::Value,
            b"name" => Self::Name,
            b"member" => Self::Member,
            b"int" => Self::Int,
            b"i4" => Self::I4,
            b"string" => Self::String,
            b"double" => Self::Double,
            b"boolean" => Self::Boolean,
            b"struct" => Self::Struct,
            b"array" => Self::Array,
            b"data" => Self::Data,
            b"i8" => Self::I8,
            b"nil" => Self::Nil,
            b"base64" => Self::Base64,
            b"dateTime.iso8601" => Self::DateTime,
            b"param" => Self::Param,
            b"params" => Self::Params,
            b"i1" => Self::I1,
            b"i2" => Self::I2,
            b"float" => Self::Float,
            b"methodCall" => Self::MethodCall,
            b"methodName" => Self::MethodName,
            b"methodResponse" => Self::MethodResponse,
            b"fault" => Self::Fault,
            b"biginteger" => Self::BigInteger,
            b"bigdecimal" => Self::BigDecimal,
            b"serializable" => Self::Serializable,
            b"dom" => Self::Dom,
            _ => Self::Other,
        }
    }

    /// Whether it is one of Apache's extensions, by its name without a prefix.
    pub(super) fn of_apache(name: &[u8]) -> Option<Self> {
        match Self::of(name) {
            found @ (Self::Nil
            | Self::I1
            | Self::I2
            | Self::I8
            | Self::Float
            | Self::BigInteger
            | Self::BigDecimal
            | Self::Serializable
            | Self::Dom) => Some(found),
            _ if name == b"dateTime" => Some(Self::ApacheDateTime),
            _ => None,
        }
    }

    /// For messages.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::MethodCall => "methodCall",
            Self::MethodResponse => "methodResponse",
            Self::MethodName => "methodName",
            Self::Params => "params",
            Self::Param => "param",
            Self::Fault => "fault",
            Self::Value => "value",
            Self::Array => "array",
            Self::Data => "data",
            Self::Struct => "struct",
            Self::Member => "member",
            Self::Name => "name",
            Self::Int => "int",
            Self::I4 => "i4",
            Self::I1 => "i1",
            Self::I2 => "i2",
            Self::I8 => "i8",
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Double => "double",
            Self::Float => "float",
            Self::DateTime => "dateTime.iso8601",
            Self::ApacheDateTime => "dateTime",
            Self::Base64 => "base64",
            Self::Nil => "nil",
            Self::BigInteger => "biginteger",
            Self::BigDecimal => "bigdecimal",
            Self::Serializable => "serializable",
            Self::Dom => "dom",
            Self::Other => "?",
        }
    }
}

/// An element's name, with or without a prefix. Two are equal where the one may end what the other began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: Element,
    pub(super) prefixed: bool,
}

impl Tag {
    pub(super) const fn plain(name: Element) -> Self {
        Self { name, prefixed: false }
    }
}
