//! The serpent codec against CPython's `ast.literal_eval` and the serpent library: the same verdict, value and bytes.

#[path = "differential/serpent_support.rs"]
mod support;

use fastrand::Rng;
use serde_json::json;
use springline_core::{BigInt, Value};
use support::{ask, date, decode, describe, encode, hex, normal};

/// Literals, good and bad, by what they are about.
const TABLE: &[&[&str]] = &[
    // blanks, comments, lines
    &[
        "", " ", "\n", "#", "# only a comment\n", "1", " 1", "\t1", "  \t 1", "\n1", "\n 1", "\r\n1", "\r1", "# c\n1", "# c\r1", "# c\n 1",
        "\x0c1", " \x0c1", " \x0c 1", "\n\x0c1", "\n \x0c1", "\\\n1", "\\\n 1", " \\\n1", "\n\\\n1", "\n \\\n1", "1\n", "1\n\n \n", "1 ",
        "1 # c", "1# c", "1 # c\n", "1\n# c", "1\n # c\n", "1\n 2", "1\n2", "1\x0c", "1\x0b", "\x0b1", "\u{a0}1", "1\u{a0}", "\u{feff}1",
        "1\\\n", "1\\\n ", "1 \\\n", "1 \\\n\n", "1\\ \n", "1\\", "[1,\\\n2]", "[1\\\n,2]", "[1,2\\\n]", "[\\1]", "[1\\]", "[\n1,\n2\n]\n",
        "[\r\n1,\r2]", "[ # c ]\n1]", "[1 # c\n]", "[1, # , ] }\n2]", "( # (\n1)", "( # (\n1,)", "{ # :\n1}", "{ # ,\n1:2}", "{1 # }\n:2}",
        "1;", "1 2", "1,2", "1,", "x", "1 x", "()\n()", "(1)\n(2)", "\n\n  \n# c\n\n1", "1\n\\\n", "\t\n1", "\n\t1", "1\r\n\r\n",
    ],
    // names
    &[
        "None", "True", "False", "none", "true", "null", "nan", "inf", "NaN", "Truex", "True x", "True1", "Noné", "_", "Ellipsis", "...", "....",
        ". . .", "..", ".", "[...]", "{...:1}", "{...}", "(...,)", "... ...", "...1", "set()", "set ( )", "set(\n)", "set (\n# c\n)", "set\n()",
        "[set\n()]", "set", "set(", "set(1)", "set([])", "set(())", "set()()", "set() set()", "{set()}", "{set():1}", "{1:set()}", "frozenset()",
        "list()", "dict()", "-True", "+None", "not 1", "lambda: 1", "x.y", "f()", "True if 1 else 0", "1 or 2", "1or 2", "1if 1 else 2",
        "[x for x in []]", "{**{}}", "[*[1]]", "(yield)", "print", "__debug__", "b", "r", "u", "rb", "é",
    ],
    // integers
    &[
        "0", "00", "0_0", "-0", "+0", "1", "-1", "+1", "- 1", "-\t1", "-\n1", "[-\n1]", "--1", "-+1", "+-1", "~1", "01", "0_1", "1_000", "1__0", "1_",
        "_1", "1_a", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
        "18446744073709551616", "123456789012345678", "1234567890123456789", "-123456789012345678", "0x0", "0xff", "0XFF", "0x_f", "0xf_f", "0x", "0x_",
        "0x__f", "0xg", "0xff_", "0o17", "0O17", "0o_1", "0o8", "0o", "0b101", "0B1_0", "0b2", "0b", "0b102", "-0x10", "0xffffffffffffffff",
        "0x10000000000000000", "0b1_0_1", "1L", "1l", "10e", "1 000", "1'a'", "0xfor 1", "0in []", "1.real", "1 .real", "2j", "2J", "-2j", "+2j", "0j",
        "-0j", "07j", "0_7j", "1_0j", "1_j", "1__0j", "1jj", "1e5j", ".5j", "5.j", "1e400j", "0x1j", "1 j",
    ],
    // floats
    &[
        "1.0", "-1.0", "+1.0", "1.", ".5", "-.5", "5.", "0.0", "-0.0", "00.5", "09.5", "0_7.5", "1e5", "1E5", "1e+5", "1e-5", "1.e5", ".5e1", "1e05",
        "1e", "1e+", "1e_5", "1e5_0", "1_0.0_1e1_0", "1._5", "1_.5", "._5", ".5_", "1.5.", "1.5.5", "1..5", "1e5e5", "1e400", "-1e400", "1e30000",
        "-1e30000", "1e-400", "1e-324", "5e-324", "1.7976931348623157e308", "1.7976931348623159e308", "0.1", "0.30000000000000004", "123456789.123456789",
        "9007199254740993.0", "9007199254740991.5", "0.000001", "1e22", "1e23", "8.5e-7", "123456789012345678.5", "1234567890123456789.5",
        "0.1234567890123456789012345", "12345678901234567890.0", "[1.5,2.25,-3.125]", "1.5x", "1.5é", "1.e", "(1.5)", "-(1.5)",
    ],
    // complex numbers
    &[
        "1+2j", "1-2j", "-1+2j", "-1-2j", "+1+2j", "1 + 2j", "1\t-\x0c2j", "1\n+2j", "(1\n+\n2j)", "(1+2j)", "((1+2j))", "(1)+2j", "(1)+(2j)",
        "1+(2j)", "1+((2j))", "1+(+2j)", "1+(-2j)", "(-1)+2j", "-(1)+2j", "-(-1)+2j", "((-(1)))+((2j))", "-(1+2j)", "1+2", "1-2.0", "1j+2j", "1j+2",
        "1+2j+3j", "1+2j-3", "(1+2j)+3j", "1.5+.5j", "1e3-1e3j", "1+2j,", "[1+2j,3-4j]", "(1+2j,)", "{1+2j}", "{1+2j:3+4j}", "True+1j", "None+1j",
        "'a'+1j", "1+2jx", "1+ +2j", "1--2j", "1+", "1+j", "-", "+", "-'a'", "-[1]", "-(1,)", "-()", "-((1)", "-(1))", "(-)", "1e400+1j", "1-1e400j",
        "-0.0+1j", "1-0j", "0-0j", "18446744073709551616+1j", "-18446744073709551616-1j", "-\\\n1", "[(1),(2)+3j]", "((1),)", "((1)+2j,)", "{(1):(2)}",
        "{(1)+2j}", "(1 # c\n+2j)", "(1 # c\n)", "1 # +2j", "[1,+2j]", "[1+2j+3]", "1+2_0j", "1+0x2j", "9007199254740993+1j",
    ],
    // strings
    &[
        "''", "\"\"", "'a'", "\"a\"", "'it\\'s'", "\"it's\"", "'a\"b'", "'''a'''", "\"\"\"a\"\"\"", "''''a'''", "'''a''''", "'''a'b''c'''", "''''''",
        "'''a\nb'''", "'''a\r\nb\rc'''", "'''a\\\nb'''", "'a\nb'", "'a\rb'", "'a", "a'", "'''a", "'''a''", "'''a'", "'a\"", "'a\\", "'a\\'", "'a\\\nb'",
        "'a\\\r\nb'", "'a\\\rb'", "'\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\\"'", "'\\0'", "'\\00'", "'\\000'", "'\\0000'", "'\\08'", "'\\8'", "'\\377'", "'\\400'",
        "'\\777'", "'\\x41'", "'\\x4'", "'\\x'", "'\\xg1'", "'\\x4g'", "'\\X41'", "'\\u20ac'", "'\\u20a'", "'\\u'", "'\\U0001f600'", "'\\U0001f60'",
        "'\\U00110000'", "'\\u+123'", "'\\x+1'", "'\\d\\é\\ '", "'\\N{EURO SIGN}'", "'\\N{euro sign}'", "'\\N{EUROSIGN}'", "'\\N{EURO_SIGN}'",
        "'\\N{NO SUCH NAME}'", "'\\N'", "'\\N{'", "'\\N{}'", "'\\N{-}'", "'\\N EURO'", "'\\N{LINE FEED}'", "'\\N{NULL}'", "'\\N{BELL}'",
        "'\\N{ALERT}'", "'\\N{HANGUL SYLLABLE GAG}'", "'\\N{CJK UNIFIED IDEOGRAPH-4E00}'", "'\\N{CJK UNIFIED IDEOGRAPH-4e00}'", "'\\N{HYPHEN-MINUS}'",
        "'\\N{HYPHEN MINUS}'", "'\\N{LATIN SMALL LETTER SHARP S}'", "'\\N{HANGUL JUNGSEONG O-E}'", "'\\N{HANGUL JUNGSEONG OE}'", "'\\N{TIBETAN MARK TSA -PHRU}'",
        "'\\N{GRINNING FACE}'", "'\\N{BYTE ORDER MARK}'", "'\\N{LATIN CAPITAL LETTER GHA}'", "'\\N{KEYCAP DIGIT ONE}'", "'\\N{EURO  SIGN}'", "'\\N{ EURO SIGN}'",
        "'\t'", "'\x0c\x0b\x1b\x7f'", "'é€😀'", "'\u{2028}'", "'\u{feff}'", "'a' 'b'", "'a''b'", "'a'\"b\"", "'a' # c\n'b'", "('a' # c\n'b')", "'a'\n'b'",
        "('a'\n'b')", "('a')'b'", "('a')('b')", "'a' \\\n'b'", "['a' 'b','c']", "{'a' 'b':1}", "{'a':'b' 'c'}", "{'a' 'b'}", "('a' 'b')", "('a' 'b',)",
        "'a' 1", "'a'b", "'a'.b", "'a'[0]", "'a'%1", "'a'+'b'", "'a' \"\"\"b\nc\"\"\"", "'\\n' r'\\n'", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\n'",
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nb'", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\t😀aa'",
    ],
    // prefixes and bytes
    &[
        "u'a'", "U'a'", "r'a\\n'", "R'\\''", "r'\\'", "r'a\\\nb'", "r'''a\r\nb'''", "r'\\N{x}'", "r'\\ud800'", "ur'a'", "ru'a'", "b'a'", "B'a'", "b\"a\"",
        "br'\\n'", "bR'\\n'", "Br'\\n'", "BR'\\n'", "rb'\\n'", "rB'\\n'", "Rb'\\n'", "RB'\\n'", "bb'a'", "rr'a'", "bu'a'", "f'a'", "F'a'", "fr'a'", "rf'{1}'", "t'a'",
        "b 'a'", "b''", "b'''a\nb'''", "b'''a\r\nb'''", "b'\\x00\\xff'", "b'\\x0'", "b'\\400'", "b'\\777'", "b'\\u0041'", "b'\\N{DOT}'", "b'\\d'", "b'\\\n'", "b'é'",
        "b'\x7f'", "rb'é'", "b'a' b'b'", "b'a'b'b'", "b'a' 'b'", "'a' b'b'", "b'a' rb'\\n'", "u'a' r'\\n' 'c'", "'a'u'b'", "'a'b'b'", "'a'f'b'", "'a' f'b'", "b'\\\r\na'",
        "{b'a':b'b'}", "[b'a',b'']", "b'a", "b'''a''", "br'''a\\''''", "b'a\nb'", "'\\x41' u'\\x41'", "x'a'", "'a'x", "b'é' b'a'", "b'a' b'é'",
    ],
    // containers
    &[
        "()", "( )", "(\n)", "(,)", "(1)", "(1,)", "(1,2)", "(1,2,)", "(1,,2)", "(,1)", "(1 2)", "((1))", "((1,))", "((1),)", "(())", "((),)", "((()))", "([])", "([],)",
        "({})", "({},)", "({1},)", "({1:2})", "(1", "1)", "(1]", "(1}", "[", "]", "[]", "[ ]", "[,]", "[1]", "[1,]", "[1,,]", "[1 2]", "[1,2", "[1,2)", "[[]]", "[[],[]]",
        "[[1],[2],[3]]", "[(1),(2,)]", "[()]", "{}", "{ }", "{,}", "{1}", "{1,}", "{1,2}", "{1 2}", "{1:2}", "{1:2,}", "{1:2,3:4}", "{1:2,,}", "{1:2 3:4}", "{1:2,3}", "{1,2:3}",
        "{1::2}", "{:1}", "{1:}", "{1", "{1:2", "{1:2]", "{'a':1,'b':2}", "{'a':1,'a':2}", "{1,1}", "{1,1.0,True}", "{1:'a',1.0:'b',True:'c'}", "{0,False,-0.0,0j}",
        "{(1,2):3}", "{(1,2)}", "{((1,),)}", "{((1))}", "{((1)):((2))}", "{():1}", "{()}", "{[]}", "{[]:1}", "{{}}", "{{}:1}", "{{1}}", "{({},)}", "{([],):1}", "{(1,[2]):3}",
        "{(1,{2:3})}", "{(1,{2})}", "{1:[{2:{3:(4,)}}]}", "{'a':{'b':{'c':{}}}}", "{None:1}", "{None}", "{True:1}", "{1.5:1}", "{b'a':1}", "{'a':{1,2}}", "[{1,2},{3:4}]",
        "{ 'a' : 1 , 'b' : 2 }", "{\n'a'\n:\n1\n,\n}", "( ( 1 , ) , )", "[1,[2,[3,[4,[5]]]]]", "(((((((((1)))))))))", "(((((((((1,)))))))),)", "[(((1,2))),((3))]",
        "({(1):(2)})", "(({'a':(1)}))", "{(('a')):1}", "{('a' 'b'):1}", "{(1+2j):1}", "{-1:1}", "{-1}", "{- 1:1}", "(-1,)", "(-1)", "[(-(1)),2]", "([-(1)],)", "([(1),(2,)],[(3)])",
        "(set(),)", "(set())", "([set()],)", "{1:2}{}", "[1][0]", "(1)(2)", "[1]2", "{}[]", "()()", "(1:2)", "[1:2]", "{1:2:3}", "{(1:2)}", "[1,2]\n,3", "([1,2]\n)", "([\n1\n,\n2\n]\n,)",
        "('obj','method',(1,),{})", "('a',(),{'k':(1)})", "(((1),(2,)),((3,),(4)))", "({1:(2)},({3,(4)},))", "[{'a':('b')},{'c':('d',)}]", "({('a','b'):1},)", "({('a'):1},)",
    ],
    // dicts that stand for something
    &[
        "{'data':'YWI=','encoding':'base64'}", "{'data': 'YWI=', 'encoding': 'base64'}", "{'encoding':'base64','data':'YWI='}", "{'data':'','encoding':'base64',}",
        "{ 'data' : 'YW' 'I=' , 'encoding' : 'base' '64' }", "{\"data\":\"YWI=\",\"encoding\":\"base64\"}", "{u'data':r'YWI=',u'encoding':'base64'}", "{'data':'YWJ=','encoding':'base64'}",
        "{'data':'YW\\nI=','encoding':'base64'}", "{'data':'YWI','encoding':'base64'}", "{'data':'Y','encoding':'base64'}", "{'data':'YWI=','encoding':'hex'}", "{'data':'YWI='}",
        "{'data':1,'encoding':'base64'}", "{'data':'YWI=','encoding':'base64','x':1}", "{'data':'a','encoding':b'base64'}", "{'data'}", "{'data','encoding'}", "{'data':('YWI='),'other':1}",
        "{'data':['YWI='],'encoding':'base64'}", "{'data':{'data':'YWI=','encoding':'base64'}}", "[{'data':'YWI=','encoding':'base64'},{'data':'','encoding':'base64'}]",
        "({'data':'YWI=','encoding':'base64'},)", "({'data':'YWI=','encoding':'base64'})", "{'k':({'data':'YWI=','encoding':'base64'})}", "{'\\x64ata':'YWI=','encoding':'base64'}",
        "{{'data':'YWI=','encoding':'base64'}:1}", "{'data':'YWI=','encoding':'base64'", "{'data':'YWI=','encoding':'base64' 1}", "{'data':'Y W I =','encoding':'base64'}", "{'data':'é','encoding':'base64'}",
        "{'__class__':'float','value':'nan'}", "{'__class__':'float','value':'inf'}", "{'__class__':'float','value':1}", "{'__class__':'float'}", "{'__class__':'float','value':'x'}",
        "{'__class__':'complex','real':1.0,'imag':{'__class__':'float','value':'nan'}}", "{'__class__':'complex','real':1.0,'imag':2.0}", "{'__class__':'complex','real':1.0}",
        "{'__class__':'mod.Thing'}", "{'__class__':'mod.Thing',}", "{'__class__':'mod.Thing','x':1,'y':[2]}", "{\"__class__\":\"Thing\",'x':{'__class__':'Other','z':()}}", "{'__class__':1,'x':2}",
        "{'__class__'}", "{'__class__','x'}", "{'__class__':'Thing','x':1,'x':2}", "{'x':1,'__class__':'Thing'}", "{'__class__':'Th\\x69ng','\\x78':1}", "{u'__class__':u'Thing','x':1}",
        "[{'__class__':'A'},{'__class__':'B','n':None}]", "{'__class__':'A','x':1 2}", "{'__class__' 'A':1}", "{'__class__':'A' 'B','x':1}", "({'__class__':'A'},)", "{'__class__':'A','x':(1)}",
        "{'_':1}", "{'d':1}", "{'e':1}", "{'':1}", "{'''data''':1}", "{'encoding':'base64'}", "{'encoding':'base64','data':1}", "{'encoding':'base64','other':'x'}",
    ],
];

/// Both sides' verdict and value on each message. Only what the codec's documentation names may differ.
fn compare(messages: &[Vec<u8>]) {
    let questions: Vec<_> = messages.iter().map(|m| json!({"op": "loads", "hex": hex(m)})).collect();
    let mut both_accept = 0;
    for (message, theirs) in messages.iter().zip(ask(&questions)) {
        let shown = String::from_utf8_lossy(message);
        match (decode(message), theirs) {
            (Ok(ours), Ok(theirs)) => {
                assert_eq!(normal(&describe(&ours)), normal(&theirs), "values differ for {shown:?}");
                both_accept += 1;
            }
            (Err(e), Ok(theirs)) => {
                let known = ["a tuple needs parentheses here", "lone surrogate", "outside the outermost brackets"];
                assert!(known.iter().any(|k| e.message().contains(k)), "{shown:?}: we say {e}, Python {theirs}");
            }
            (Ok(ours), Err(theirs)) => panic!("{shown:?}: we say {ours:?}, Python {theirs}"),
            (Err(e), Err(_)) => assert!(e.offset().is_some(), "{shown:?}: {e:?} does not say where"),
        }
    }
    assert!(both_accept * 10 > messages.len(), "only {both_accept} of {} messages were good", messages.len());
}

#[test]
fn the_table() {
    let mut messages: Vec<Vec<u8>> = TABLE.iter().copied().flatten().map(|t| t.as_bytes().to_vec()).collect();
    assert!(messages.len() > 500);
    // Also inside of brackets, where lines count less, and behind the header.
    for wrap in [("[", "]"), ("(", ",)"), ("{1:", "}"), ("[0,", ",2]"), ("(", ")"), ("{", "}"), ("{", ":1}"), ("# serpent utf-8 python3.2\n", "")] {
        let wrapped: Vec<_> = TABLE.iter().copied().flatten().map(|t| format!("{}{t}{}", wrap.0, wrap.1).into_bytes()).collect();
        messages.extend(wrapped);
    }
    for (open, close) in [("(", ")"), ("[", "]"), ("{1:", "}"), ("(1,", ")")] {
        for depth in [2, 50, 199, 200, 201, 300] {
            messages.push(format!("{}{}", open.repeat(depth), close.repeat(depth)).into_bytes());
            messages.push(format!("{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes());
        }
    }
    for digits in [18, 19, 20, 100, 4299, 4300, 4301, 20_000] {
        messages.push("9".repeat(digits).into_bytes());
        messages.push(format!("-{}", "1".repeat(digits)).into_bytes());
        messages.push(format!("{}.5", "9".repeat(digits)).into_bytes());
        messages.push(format!("0x{}", "f".repeat(digits)).into_bytes());
    }
    messages.extend([&b"'\xff'"[..], b"'\xc3'", b"'\xed\xa0\x80'", b"\xff", b"'a\0b'", b"\0", b"1\0", b"'\xf4\x90\x80\x80'"].map(<[u8]>::to_vec));
    compare(&messages);
}

// A literal in random clothes.
struct Literals {
    rng: Rng,
    out: String,
    nested: u32,
}

impl Literals {
    fn one(seed: u64) -> String {
        let mut g = Self { rng: Rng::with_seed(seed), out: String::new(), nested: 0 };
        if g.rng.u8(..4) == 0 {
            g.out.push_str("# serpent utf-8 python3.2\n");
        }
        g.value(4, false);
        g.blank();
        g.out
    }

    fn pick(&mut self, choices: &[&str]) {
        let choice = choices[self.rng.usize(..choices.len())];
        self.out.push_str(choice);
    }

    fn blank(&mut self) {
        match (self.rng.u8(..12), self.nested > 0) {
            (0, _) => self.pick(&[" ", "\t", "  ", "\x0c"]),
            (1, true) => self.pick(&["\n", "\r\n", "\r", " \n ", "# it's (a\n", "\\\n", "#\r\n"]),
            _ => {}
        }
    }

    fn value(&mut self, depth: u32, hashed: bool) {
        self.blank();
        let kinds = if depth == 0 { 6 } else { 11 };
        match self.rng.u8(..kinds) {
            0 => self.pick(&["None", "True", "False", "...", "0", "-1"]),
            1 => self.number(),
            2 | 3 => self.string(),
            4 => self.pick(&["'plain'", "'with space'", "'é€'", "\"it's\"", "''"]),
            5 => self.pick(&["1.5", "-2e10", "12345", "(1+2j)", "(1)", "b'x'"]),
            6 => self.bracket('(', ')', |g| g.value(depth - 1, hashed)),
            7 if !hashed => self.items('[', ']', depth),
            8 if !hashed => self.dict(depth),
            9 if !hashed => self.set(depth),
            10 if !hashed && self.rng.bool() => self.special(depth),
            _ => self.tuple(depth, hashed),
        }
    }

    fn bracket(&mut self, open: char, close: char, content: impl FnOnce(&mut Self)) {
        self.out.push(open);
        self.nested += 1;
        self.blank();
        content(self);
        self.blank();
        self.nested -= 1;
        self.out.push(close);
    }

    fn comma_separated(&mut self, count: usize, mut item: impl FnMut(&mut Self)) {
        for i in 0..count {
            item(self);
            self.blank();
            if i + 1 < count || self.rng.u8(..4) == 0 {
                self.out.push(',');
                self.blank();
            }
        }
    }

    fn items(&mut self, open: char, close: char, depth: u32) {
        let count = self.rng.usize(..5);
        self.bracket(open, close, |g| g.comma_separated(count, |g| g.value(depth - 1, false)));
    }

    fn tuple(&mut self, depth: u32, hashed: bool) {
        let count = self.rng.usize(..4);
        self.bracket('(', ')', |g| {
            if count == 1 {
                g.value(depth.saturating_sub(1), hashed);
                g.blank();
                g.out.push(',');
            } else {
                g.comma_separated(count, |g| g.value(depth.saturating_sub(1), hashed));
            }
        });
    }

    fn dict(&mut self, depth: u32) {
        let count = self.rng.usize(..5);
        self.bracket('{', '}', |g| {
            g.comma_separated(count, |g| {
                g.value(depth - 1, true);
                g.blank();
                g.out.push(':');
                g.value(depth - 1, false);
            });
        });
    }

    fn set(&mut self, depth: u32) {
        let count = self.rng.usize(1..5);
        self.bracket('{', '}', |g| g.comma_separated(count, |g| g.value(depth - 1, true)));
    }

    fn special(&mut self, depth: u32) {
        if self.rng.bool() {
            self.pick(&["{'data': 'aGVsbG8=', 'encoding': 'base64'}", "{'encoding':'base64','data':''}", "{'data':'x','encoding':'base64'}"]);
            return;
        }
        self.out.push_str("{'__class__':'some.Class'");
        for i in 0..self.rng.u8(..3) {
            self.out.push_str(&format!(",'field{i}':"));
            self.nested += 1;
            self.value(depth - 1, false);
            self.nested -= 1;
        }
        self.out.push('}');
    }

    fn number(&mut self) {
        self.pick(&["", "", "-", "+", "- "]);
        let n = self.rng.u64(..) >> self.rng.u32(..64);
        let text = match self.rng.u8(..8) {
            0 => format!("{n:#x}"),
            1 => format!("0o{n:o}"),
            2 => format!("0b{n:b}"),
            3 => format!("{n}{}", self.rng.u64(..)),
            4 => f64::from_bits(self.rng.u64(..) & !(1 << 62)).abs().to_string(),
            5 => format!("{}.{}e{}", n, self.rng.u16(..), self.rng.i8(..)),
            6 => format!("{n}.{}", self.rng.u32(..) >> self.rng.u32(..32)),
            _ => n.to_string(),
        };
        self.out.push_str(if text.contains(['N', 'i']) { "1.5" } else { &text });
        if self.rng.u8(..10) == 0 {
            self.blank();
            self.pick(&["+", "-"]);
            self.blank();
            self.pick(&["1j", "2.5J", "1e3j", "(4j)"]);
        }
    }

    fn string(&mut self) {
        let bytes = self.rng.u8(..4) == 0;
        for i in 0..1 + self.rng.u8(..8) / 6 {
            if i > 0 {
                self.blank();
            }
            self.one_string(bytes);
        }
    }

    fn one_string(&mut self, bytes: bool) {
        let raw = self.rng.u8(..5) == 0;
        match (bytes, raw) {
            (true, true) => self.pick(&["rb", "bR", "Br", "RB"]),
            (true, false) => self.pick(&["b", "B"]),
            (false, true) => self.pick(&["r", "R"]),
            (false, false) => self.pick(&["", "", "", "u", "U"]),
        }
        let quote = ["'", "\"", "'''", "\"\"\""][self.rng.usize(..4)];
        self.out.push_str(quote);
        for _ in 0..self.rng.usize(..12) {
            match self.rng.u8(..10) {
                0 if raw => self.pick(&["\\n", "\\\\", "\\'", "\\\""]),
                0 => self.pick(&["\\n", "\\\\", "\\'", "\\\"", "\\x41", "\\101", "\\0", "\\q", "\\\n", "\\\r\n"]),
                1 if !bytes && !raw => self.pick(&["\\u20ac", "\\U0001f600", "\\N{SNOWMAN}", "\\xe9", "\\777"]),
                2 if !bytes => self.pick(&["é", "€", "😀", "\u{a0}", "\u{2028}"]),
                3 if quote.len() == 3 => self.pick(&["\n", "\r\n", "\r"]),
                4 => self.pick(&["#", "(", "]", "{", ":", ",", "\t"]),
                5 if quote != "'" && quote != "'''" => self.out.push('\''),
                6 if quote.starts_with('\'') => self.out.push('"'),
                _ => self.pick(&["a", "bc", "hello world", " ", "0123456789"]),
            }
        }
        self.out.push_str(quote);
    }
}

fn count(default: u64) -> u64 {
    std::env::var("SPRINGLINE_DIFFERENTIAL").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[test]
fn generated_literals() {
    let messages: Vec<_> = (0..count(3000)).map(|seed| Literals::one(seed).into_bytes()).collect();
    compare(&messages);
    let good = messages.iter().filter(|m| decode(m).is_ok()).count();
    assert!(good * 10 > messages.len() * 9, "only {good} of {} literals are good", messages.len());
}

#[test]
fn damaged_literals() {
    let pieces = [
        "'", "\"", "(", ")", "[", "]", "{", "}", ",", ":", " ", "\n", "\\", "#", "1", "0", "_", ".", "e", "j", "+", "-", "x", "b", "r", "u", "set", "()", "None", "'a'", "b'a'",
        "'''", "\r", "é", "...", "\t", "\x0c", "1j", "{}", "[]", "\\x", "\\u", "0x", "# c\n", "\\\n", "True", "'__class__'", "'data':", "\0",
    ];
    let messages: Vec<_> = (0..count(6000))
        .map(|seed| {
            let mut rng = Rng::with_seed(seed ^ 0x5eed);
            let text = if seed % 2 == 0 {
                let all: Vec<&str> = TABLE.iter().copied().flatten().copied().collect();
                all[rng.usize(..all.len())].to_owned()
            } else {
                Literals::one(seed)
            };
            let mut chars: Vec<char> = text.chars().collect();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..=chars.len());
                match rng.u8(..4) {
                    0 if at < chars.len() => {
                        chars.remove(at);
                    }
                    1 if at < chars.len() => {
                        let piece = pieces[rng.usize(..pieces.len())];
                        chars.splice(at..=at, piece.chars());
                    }
                    2 if at < chars.len() => {
                        let to = rng.usize(..=chars.len());
                        let part: Vec<char> = chars[at..(at + 5).min(chars.len())].to_vec();
                        chars.splice(to..to, part);
                    }
                    _ => {
                        let piece = pieces[rng.usize(..pieces.len())];
                        chars.splice(at..at, piece.chars());
                    }
                }
            }
            chars.into_iter().collect::<String>().into_bytes()
        })
        .collect();
    compare(&messages);
}

// A value that serpent can write.
fn value(rng: &mut Rng, depth: u32) -> Value {
    let kinds = if depth == 0 { 11 } else { 17 };
    let many = |rng: &mut Rng| (0..rng.usize(..5)).map(|_| value(rng, depth - 1)).collect::<Vec<_>>();
    match rng.u8(..kinds) {
        0 => Value::Null,
        1 => Value::Bool(rng.bool()),
        2 => Value::I64(rng.i64(..) >> rng.u32(..64)),
        3 => Value::from(BigInt::from(rng.i128(..)) * BigInt::from(rng.u128(..))),
        4 => Value::F64(float(rng)),
        5 => Value::Complex(float(rng), float(rng)),
        6 | 7 => Value::Str(text(rng)),
        8 => Value::Bytes((0..rng.usize(..20)).map(|_| rng.u8(..)).collect::<Vec<_>>().into()),
        9 => Value::Decimal(format!("{}.{:03}", rng.i32(..), rng.u16(..1000))),
        10 => date(["2020-01-02T03:04:05.000678", "2020-01-02T03:04:05", "1999-12-31", "23:59:59", "2020-01-02T03:04:05+01:00"][rng.usize(..5)]),
        11 | 12 => Value::List(many(rng)),
        13 => Value::Tuple(many(rng)),
        14 => {
            let pairs = (0..rng.usize(..5)).map(|i| (key(rng, i as i64), value(rng, depth - 1))).collect();
            Value::Map(pairs)
        }
        15 => {
            // Small integers keep their order in Python's sets.
            let most = rng.i64(..6);
            let items = (0..most).map(Value::I64).collect();
            if rng.bool() { Value::Set(items) } else { Value::FrozenSet(items) }
        }
        _ => {
            let fields = (0..rng.usize(..4)).map(|i| (format!("{i}{}", text(rng)), value(rng, depth - 1))).collect();
            Value::object(format!("module.Class{}", rng.u8(..)), fields)
        }
    }
}

// Keys are made different by `i`.
fn key(rng: &mut Rng, i: i64) -> Value {
    match rng.u8(..5) {
        0 => Value::I64(i + 2),
        1 => Value::Tuple(vec![Value::I64(i), Value::Str(text(rng)), Value::Null]),
        2 => Value::F64(i as f64 + 0.5),
        _ => Value::Str(format!("{i}{}", text(rng))),
    }
}

fn float(rng: &mut Rng) -> f64 {
    match rng.u8(..10) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3 => -0.0,
        4 => f64::from(rng.i32(..)),
        5 => f64::from(rng.i32(..)) / 1000.0,
        6 => 10f64.powi(i32::from(rng.i8(..))),
        _ => f64::from_bits(rng.u64(..)),
    }
}

fn text(rng: &mut Rng) -> String {
    let special = ['\'', '"', '\\', '\n', '\r', '\t', '\u{7f}', '\u{80}', '\u{a0}', '\u{ad}', '\u{2028}', '\u{e000}', '\u{10ffff}', '\u{1b}', '\u{feff}'];
    (0..rng.usize(..24))
        .map(|_| match rng.u8(..12) {
            0 => special[rng.usize(..special.len())],
            1 => char::from(rng.u8(..128).max(1)),
            // Assigned ranges, whatever the version of Unicode.
            2 => rng.char('\u{a1}'..'\u{370}'),
            3 => rng.char('\u{4e00}'..'\u{9fa5}'),
            4 => rng.char('\u{1f600}'..'\u{1f640}'),
            _ => rng.char(' '..'\u{7f}'),
        })
        .collect()
}

#[test]
fn the_same_bytes() {
    let values: Vec<Value> = (0..count(3000)).map(|seed| value(&mut Rng::with_seed(seed), 4)).collect();
    let questions: Vec<_> = values
        .iter()
        .flat_map(|v| [false, true].map(|r| json!({"op": "dumps", "value": describe(v), "bytes_repr": r})))
        .collect();
    let answers = ask(&questions);
    for (v, theirs) in values.iter().zip(answers.chunks(2)) {
        for (bytes_repr, theirs) in [false, true].into_iter().zip(theirs) {
            let ours = String::from_utf8(encode(v, bytes_repr).unwrap_or_else(|e| panic!("{v:?}: {e}"))).unwrap();
            let theirs = theirs.as_ref().unwrap_or_else(|e| panic!("{v:?}: {e}"));
            let theirs = String::from_utf8(support::unhex(theirs.as_str().unwrap())).unwrap();
            assert_eq!(ours, theirs, "{v:?}");
        }
    }
}

#[test]
fn what_we_write_python_reads() {
    let values: Vec<Value> = (0..count(3000)).map(|seed| value(&mut Rng::with_seed(seed ^ 0xabcd), 4)).collect();
    let messages: Vec<Vec<u8>> = values.iter().enumerate().map(|(i, v)| encode(v, i % 2 == 0).unwrap()).collect();
    let questions: Vec<_> = messages.iter().map(|m| json!({"op": "loads", "hex": hex(m)})).collect();
    for (message, theirs) in messages.iter().zip(ask(&questions)) {
        let shown = String::from_utf8_lossy(message);
        let theirs = theirs.unwrap_or_else(|e| panic!("{shown}: {e}"));
        let ours = decode(message).unwrap_or_else(|e| panic!("{shown}: {e}"));
        assert_eq!(normal(&describe(&ours)), normal(&theirs), "{shown}");
    }
}

#[test]
fn every_character_reads_back() {
    // Which of them are written raw depends on the version of Unicode; what is read does not.
    let all: Vec<char> = ('\u{1}'..=char::MAX).collect();
    let messages: Vec<Vec<u8>> = all
        .chunks(0x4000)
        .map(|part| encode(&Value::Str(part.iter().collect()), false).unwrap())
        .collect();
    let questions: Vec<_> = messages.iter().map(|m| json!({"op": "loads", "hex": hex(m)})).collect();
    for ((part, message), theirs) in all.chunks(0x4000).zip(&messages).zip(ask(&questions)) {
        let expected: String = part.iter().collect();
        assert_eq!(theirs.unwrap().as_str().unwrap(), expected);
        assert_eq!(decode(message).unwrap(), Value::Str(expected));
    }
}

#[test]
fn what_python_refuses_to_write() {
    let tuple = |items: &[Value]| Value::Tuple(items.to_vec());
    let one = |v: Value| Value::List(vec![v]);
    let nest = |levels: usize| (0..levels).fold(Value::Null, |v, _| one(v));
    let big = |digits: u32| Value::from(BigInt::from(10).pow(digits) - 1);
    // (a key or member, whether serpent writes it); what it writes but cannot read back is refused here.
    let keys = [
        (Value::Null, true),
        (date("2020-01-02"), true),
        (date("2020-01-02T03:04:05"), true),
        (Value::FrozenSet(vec![Value::I64(1)]), true),
        (Value::Bytes(vec![1].into()), false),
        (Value::F64(f64::NAN), false),
        (Value::Complex(f64::NAN, 0.0), false),
        (tuple(&[Value::Bytes(vec![1].into())]), false),
        (tuple(&[Value::FrozenSet(vec![Value::I64(1)])]), false),
        (Value::FrozenSet(vec![]), true),
    ];
    let fine = [
        Value::Bool(true),
        Value::I64(1),
        Value::F64(1.5),
        Value::Complex(1.0, 2.0),
        Value::Decimal("1.5".to_owned()),
        Value::Str(String::new()),
        tuple(&[]),
        tuple(&[Value::Null, date("2020-01-02")]),
    ];
    let wraps: [fn(Value) -> Value; 2] = [|k| Value::Map(vec![(k, Value::Null)]), |k| Value::Set(vec![k])];
    let mut cases = Vec::new();
    for wrap in wraps {
        cases.extend(keys.iter().map(|(k, refused)| (wrap(k.clone()), *refused, true)));
        cases.extend(fine.iter().map(|k| (wrap(k.clone()), false, false)));
    }
    cases.push((nest(200), false, false));
    cases.push((nest(202), true, true));
    cases.push((big(4300), false, false));
    cases.push((big(4301), true, true));
    let questions: Vec<_> =
        cases.iter().map(|(v, ..)| json!({"op": "dumps", "value": describe(v), "bytes_repr": false})).collect();
    // Python's own limit would keep the number of 4301 digits from being asked about at all, as its text.
    for ((v, they_refuse, we_refuse), theirs) in cases.iter().zip(ask(&questions)) {
        assert_eq!(theirs.is_err(), *they_refuse, "{v:?}: {theirs:?}");
        let ours = encode(v, false);
        assert_eq!(ours.is_err(), *we_refuse, "{v:?}: {ours:?}");
    }
}
