package peer;

import com.caucho.hessian.client.AbstractHessianConnection;
import com.caucho.hessian.client.HessianConnection;
import com.caucho.hessian.client.HessianConnectionFactory;
import com.caucho.hessian.client.HessianProxyFactory;
import com.caucho.hessian.io.AbstractHessianInput;
import com.caucho.hessian.io.HessianServiceException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.net.ssl.HttpsURLConnection;

/**
 * Tries every feature of the interface and prints a JSON line for each.
 *
 * client --url URL --auth URL --raw URL --dialect h1|mixed|h2 [--way plain|tls|cert --certs DIR] [--feature NAME ..]
 *
 * A name that ends with a colon stands for all that begin with it.
 */
public final class Client {
    /** What is asked for and what is answered: the three that HessianProxyFactory can be set to. */
    enum Dialect {
        H1(1, 1),
        MIXED(1, 2),
        H2(2, 2);

        final int request;
        final int reply;

        Dialect(int request, int reply) {
            this.request = request;
            this.reply = reply;
        }

        static Dialect named(String name) {
            return valueOf(name.toUpperCase());
        }
    }

    /** Java cannot do it itself. */
    static final class NotApplicable extends Exception {
        NotApplicable(String why) {
            super(why);
        }
    }

    interface Feature {
        /** Empty, or what is wrong. */
        String run() throws Throwable;
    }

    /** The client's factory. */
    static final class Factory extends HessianProxyFactory {
        private final Dialect dialect;

        Factory(Dialect dialect) {
            this.dialect = dialect;
            setHessian2Request(dialect.request == 2);
            setHessian2Reply(dialect.reply == 2);
            getSerializerFactory().setAllowNonSerializable(false);
        }

        /** 4.0 hands replies of Hessian 1 to the reader of Hessian 2. */
        @Override
        public AbstractHessianInput getHessianInput(InputStream stream) {
            return dialect.reply == 1 ? getHessian1Input(stream) : super.getHessianInput(stream);
        }
    }

    /** Keeps connections: the stock factory closes each after its call. */
    static final class KeepAlive implements HessianConnectionFactory {
        @Override
        public void setHessianProxyFactory(HessianProxyFactory factory) {}

        @Override
        public HessianConnection open(URL url) throws IOException {
            HttpURLConnection connection = (HttpURLConnection) url.openConnection();
            connection.setDoOutput(true);
            return new AbstractHessianConnection() {
                @Override
                public void addHeader(String name, String value) {
                    connection.setRequestProperty(name, value);
                }

                @Override
                public OutputStream getOutputStream() throws IOException {
                    return connection.getOutputStream();
                }

                @Override
                public void sendRequest() throws IOException {
                    connection.getResponseCode();
                }

                @Override
                public int getStatusCode() {
                    return 200;
                }

                @Override
                public String getStatusMessage() {
                    return null;
                }

                @Override
                public InputStream getInputStream() throws IOException {
                    return connection.getInputStream();
                }

                @Override
                public void close() throws IOException {
                    InputStream in = connection.getInputStream();
                    while (in.read() >= 0) {
                        // To its end, else it is not kept.
                    }
                    in.close();
                }

                @Override
                public void destroy() throws IOException {
                    close();
                }
            };
        }
    }

    private final Map<String, Feature> features = new LinkedHashMap<>();
    private final Dialect dialect;
    private final String url;
    private final Thing thing;
    private final Thing overloaded;
    private final Thing raw;

    Client(String url, String auth, String raw, Dialect dialect) throws Exception {
        this.dialect = dialect;
        this.url = url;
        thing = (Thing) new Factory(dialect).create(Thing.class, url);
        this.raw = (Thing) new Factory(dialect).create(Thing.class, raw);
        Factory mangling = new Factory(dialect);
        mangling.setOverloadEnabled(true);
        overloaded = (Thing) mangling.create(Thing.class, url);
        calls(auth);
        typed();
        overloads();
        failures();
        streams();
        references();
        for (String name : Samples.ALL.keySet()) {
            features.put("echo:" + name, () -> echo(name));
        }
        for (String name : Samples.ALL.keySet()) {
            features.put("sample:" + name, () -> sample(name));
        }
        features.put("deep", this::deep);
    }

    static String same(Object wanted, Object got) {
        return Same.difference(wanted, got, false);
    }

    private void calls(String auth) {
        features.put("get_data", () -> same("You got remote data => Hello", thing.getData("Hello")));
        features.put("transform", () -> {
            Person wanted = new Person("Greg", "Turnquist", 42, "a", "b", "c", "x", "y", "z");
            return same(wanted, thing.transform("Greg Turnquist a,b,c,x,y,z"));
        });
        features.put("pow", () -> same(68_921L, thing.pow(41, 3)));
        features.put("add", () -> same(-1L, thing.add(-3, 2)));
        features.put("nothing", () -> {
            thing.nothing();
            return "";
        });
        features.put("count", () -> {
            int n = thing.count();
            return same(n + 1, thing.count());
        });
        features.put("big_text", () -> same("The quick brown fox. The", thing.bigText(24)));
        features.put("big_array", () -> {
            List<Object> wanted = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                wanted.add(i);
            }
            return same(wanted, thing.bigArray(1000));
        });
        features.put("blob", () -> same(Samples.bytes(1_000_000), thing.blob(1_000_000)));
        features.put("size_bytes", () -> same(100_000, thing.size(Samples.bytes(100_000))));
        features.put("size_text", () -> same(5, thing.size("caf\u00e9\ud83d\ude00")));
        features.put("people", () -> same(Samples.people(10_000), thing.people(10_000)));
        features.put("count_people", () -> same("10000 people", thing.countPeople(Samples.people(10_000))));
        features.put("keep_alive", () -> {
            Factory keeping = new Factory(dialect);
            keeping.setConnectionFactory(new KeepAlive());
            Thing kept = (Thing) keeping.create(Thing.class, url);
            for (int i = 0; i < 100; i++) {
                String found = same("You got remote data => " + i, kept.getData("" + i));
                if (!found.isEmpty()) {
                    return found;
                }
            }
            return "";
        });
        features.put("read_timeout", () -> {
            Factory impatient = new Factory(dialect);
            impatient.setReadTimeout(300);
            Thing slow = (Thing) impatient.create(Thing.class, url);
            try {
                return "it answered " + slow.slow(3);
            } catch (RuntimeException e) {
                return e.toString().contains("SocketTimeout") ? "" : e.toString();
            }
        });
        features.put("slow", () -> same("done", thing.slow(0.2)));
        features.put("chunked_post", () -> {
            Factory chunked = new Factory(dialect);
            chunked.setChunkedPost(true);
            Thing one = (Thing) chunked.create(Thing.class, url);
            return same("10000 people", one.countPeople(Samples.people(10_000)));
        });
        features.put("auth", () -> {
            Factory known = new Factory(dialect);
            known.setUser(Server.USER);
            // Java's client takes characters for bytes.
            known.setPassword(new String(Server.PASSWORD.getBytes("UTF-8"), "ISO-8859-1"));
            return same("You got remote data => x", ((Thing) known.create(Thing.class, auth)).getData("x"));
        });
        features.put("auth_refused", () -> {
            Factory known = new Factory(dialect);
            known.setUser(Server.USER);
            known.setPassword("wrong");
            try {
                return "it answered " + ((Thing) known.create(Thing.class, auth)).getData("x");
            } catch (RuntimeException e) {
                return e.toString().contains("401") ? "" : e.toString();
            }
        });
        features.put("create_by_attribute", () -> {
            Object made = new Factory(dialect).create(url);
            return made instanceof Thing ? same("You got remote data => x", ((Thing) made).getData("x")) : "no Thing";
        });
        features.put("unknown_attribute", () -> {
            Meta meta = (Meta) new Factory(dialect).create(Meta.class, url);
            return same(null, meta._hessian_getAttribute("java.nothing"));
        });
        features.put("to_string_stays_here", () -> thing.toString().contains("Proxy") ? "" : thing.toString());
    }

    /** The method that every service has. */
    public interface Meta {
        Object _hessian_getAttribute(String name);
    }

    private void typed(String name, Feature feature) {
        features.put("typed:" + name, feature);
    }

    private void typed() {
        typed("boolean", () -> same(true, thing.typedBoolean(true)) + same(false, thing.typedBoolean(false)));
        typed("boxed_boolean", () -> same(true, thing.boxedBoolean(true)) + same(null, thing.boxedBoolean(null)));
        typed("byte", () -> same((byte) -5, thing.typedByte((byte) -5)));
        typed("short", () -> same((short) 300, thing.typedShort((short) 300)));
        typed("int", () -> same(-70_000, thing.typedInt(-70_000)));
        typed("boxed_int", () -> same(7, thing.boxedInt(7)) + same(null, thing.boxedInt(null)));
        typed("long", () -> same(5L, thing.typedLong(5)) + same(1L << 40, thing.typedLong(1L << 40)));
        typed("float", () -> same(1.1f, thing.typedFloat(1.1f)));
        typed("double", () -> same(0.009, thing.typedDouble(0.009)));
        typed("char", () -> same('Ω', thing.typedChar('Ω')));
        typed("string", () -> same("x\ud83d\ude00", thing.typedString("x\ud83d\ude00")) + same(null, thing.typedString(null)));
        typed("date", () -> same(new Date(123_456), thing.typedDate(new Date(123_456))));
        typed("bytes", () -> same(Samples.bytes(300), thing.typedBytes(Samples.bytes(300))));
        typed("ints", () -> same(new int[] {1, -2}, thing.typedInts(new int[] {1, -2})));
        typed("strings", () -> same(new String[] {"a", null}, thing.typedStrings(new String[] {"a", null})));
        typed("enum", () -> same(Color.GREEN, thing.typedEnum(Color.GREEN)) + same(null, thing.typedEnum(null)));
        typed("decimal", () -> same(new BigDecimal("1.50"), thing.typedDecimal(new BigDecimal("1.50"))));
        typed("big_integer", () -> same(BigInteger.TEN.pow(30), thing.typedBigInteger(BigInteger.TEN.pow(30))));
        UUID uuid = UUID.fromString("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
        typed("uuid", () -> same(uuid, raw.typedUuid(uuid)));
        Person person = new Person("Greg", "Turnquist", 40, "a", "b");
        typed("person", () -> same(person, thing.typedPerson(person)) + same(null, thing.typedPerson(null)));
        Person[] persons = {person, null, new Person("Other", "One", 1)};
        typed("persons", () -> same(persons, thing.typedPersons(persons)));
        List<Person> list = new ArrayList<>(Arrays.asList(person, new Person("Other", "One", 1)));
        typed("list", () -> same(list, thing.typedList(list)));
        typed("set", () -> same(new HashSet<>(List.of("a", "b")), thing.typedSet(new HashSet<>(List.of("a", "b")))));
        typed("map", () -> same(new HashMap<>(Map.of("a", 1)), thing.typedMap(new HashMap<>(Map.of("a", 1)))));
        typed("everything", () -> same(new Everything(), thing.typedEverything(new Everything())));
        typed("node", () -> same(Samples.make("ring"), thing.typedNode((Node) Samples.make("ring"))));
    }

    private void over(String name, String wanted, Feature feature) {
        features.put("over:" + name, () -> same(wanted, feature.run()));
    }

    private void overloads() {
        over("none", "over()", () -> overloaded.over());
        over("int", "over(int 1)", () -> overloaded.over(1));
        over("long", "over(long 1)", () -> overloaded.over(1L));
        over("double", "over(double 1.5)", () -> overloaded.over(1.5));
        over("boolean", "over(boolean true)", () -> overloaded.over(true));
        over("string", "over(String x)", () -> overloaded.over("x"));
        over("date", "over(Date 5)", () -> overloaded.over(new Date(5)));
        over("bytes", "over(byte[] of 3)", () -> overloaded.over(new byte[3]));
        over("ints", "over(int[] [1, 2])", () -> overloaded.over(new int[] {1, 2}));
        over("strings", "over(String[] [a])", () -> overloaded.over(new String[] {"a"}));
        over("object", "over(Object)", () -> overloaded.over((Object) "x"));
        over("list", "over(List of 1)", () -> overloaded.over(new ArrayList<>(List.of(1))));
        over("map", "over(Map of 1)", () -> overloaded.over(new HashMap<>(Map.of("a", 1))));
        over("person", "over(Person Greg)", () -> overloaded.over(new Person("Greg", "T", 1)));
        over("int_string", "over(int 1, String x)", () -> overloaded.over(1, "x"));
        over("four", "over(String a, int 1, int 2, double 0.5)", () -> overloaded.over("a", 1, 2, 0.5));
        features.put("over:not_mangled", () -> {
            // The server of Hessian 2 goes by the number of arguments.
            String wanted = "over(int 1, String x)";
            if (dialect.request == 1) {
                throw new NotApplicable("a call of Hessian 1 does not tell how many arguments it has");
            }
            return same(wanted, thing.over(1, "x"));
        });
    }

    private <T extends Throwable> T caught(Class<T> type, String kind, String message) throws Throwable {
        try {
            thing.fail(kind, message);
        } catch (Throwable e) {
            if (type.isInstance(e)) {
                return type.cast(e);
            }
            throw e;
        }
        throw new IllegalStateException("it did not fail");
    }

    private void failures() {
        features.put("fail:runtime", () -> same("boom", caught(RuntimeException.class, "runtime", "boom").getMessage()));
        features.put("fail:illegal", () -> {
            IllegalArgumentException e = caught(IllegalArgumentException.class, "illegal", "not so");
            return same("not so", e.getMessage()) + (e.getCause() == null ? "" : "a cause " + e.getCause());
        });
        features.put("fail:bank", () -> {
            BankException e = caught(BankException.class, "bank", "too little");
            return same("too little", e.getMessage()) + same(7, e.code) + same("A-1", e.account);
        });
        features.put("fail:null", () -> same(null, caught(RuntimeException.class, "null", null).getMessage()));
        features.put("fail:cause", () -> {
            IllegalStateException e = caught(IllegalStateException.class, "cause", "outer");
            String found = same("outer", e.getMessage()) + same("inner", e.getCause().getMessage());
            Throwable innermost = e.getCause().getCause();
            found += same("innermost", innermost.getMessage()) + same(null, innermost.getCause());
            return found + (innermost instanceof IOException ? "" : innermost.getClass().getName());
        });
        features.put("fail:markup", () -> {
            // Caucho's own servers escape it.
            String got = caught(RuntimeException.class, "runtime", "<a> & b").getMessage();
            return got.equals("<a> & b") || got.equals("&lt;a&gt; &amp; b") ? "" : got;
        });
        features.put("fail:emoji", () -> same("\ud83d\ude00", caught(RuntimeException.class, "runtime", "\ud83d\ude00").getMessage()));
        features.put("fail:error", () -> same("boom", caught(AssertionError.class, "error", "boom").getMessage()));
        features.put("fail:no_such_method", () -> {
            Missing missing = (Missing) new Factory(dialect).create(Missing.class, url);
            try {
                return "it answered " + missing.thereIsNone(1);
            } catch (HessianServiceException e) {
                return same("NoSuchMethodException", e.getCode());
            }
        });
        features.put("fail:wrong_type", () -> {
            Wrong wrong = (Wrong) new Factory(dialect).create(Wrong.class, url);
            try {
                return "it answered " + wrong.typedInt("twelve");
            } catch (RuntimeException e) {
                return "";
            }
        });
        features.put("fail:too_few", () -> {
            Wrong wrong = (Wrong) new Factory(dialect).create(Wrong.class, url);
            try {
                return "it answered " + wrong.add(1);
            } catch (RuntimeException e) {
                return "";
            }
        });
        features.put("fail:code", () -> {
            try {
                thing.failCode(42, "the message");
                return "it did not fail";
            } catch (BankException e) {
                return same(42, e.code) + same("the message", e.getMessage());
            }
        });
    }

    /** Nobody serves it. */
    public interface Missing {
        int thereIsNone(int x) throws HessianServiceException;
    }

    /** Calls with other arguments than are wanted. */
    public interface Wrong {
        int typedInt(String x);

        long add(long a);
    }

    private void streams() {
        features.put("stream:upload", () -> same("up: 20971520 bytes", thing.upload("up", new MyThing.Pattern(20 << 20))));
        features.put("stream:upload_nothing", () -> same("up: 0 bytes", thing.upload("up", new MyThing.Pattern(0))));
        features.put("stream:download", () -> {
            if (dialect.reply == 2) {
                throw new NotApplicable("4.0.38 closes the stream of a result of Hessian 2 before it was read");
            }
            try (InputStream data = thing.download(20 << 20)) {
                return same("20971520 bytes", MyThing.Pattern.check(data));
            }
        });
        features.put("stream:download_as_bytes", () -> {
            Download download = (Download) new Factory(dialect).create(Download.class, url);
            return same(Samples.bytes(20 << 20), download.download(20 << 20));
        });
    }

    /** A stream taken whole. */
    public interface Download {
        byte[] download(int n);
    }

    private void references() {
        features.put("reference:open", () -> {
            Account account = thing.open("anna-" + dialect);
            String found = same("anna-" + dialect, account.owner());
            long before = account.deposit(0);
            return found + same(before + 10, account.deposit(10));
        });
        features.put("reference:pass", () -> {
            Account account = thing.open("bert-" + dialect);
            long before = account.deposit(0);
            return same("bert-" + dialect + " has " + (before + 5), thing.visit(account));
        });
    }

    // The sample after so many crossings, in the versions of Hessian of each.
    private static Object crossed(String name, int... versions) throws NotApplicable {
        Object x = Samples.make(name);
        try {
            for (int version : versions) {
                x = Wire.there(x, version);
            }
            return x;
        } catch (Throwable e) {
            throw new NotApplicable("Java itself: " + e);
        }
    }

    private String echo(String name) throws Throwable {
        Object wanted = crossed(name, dialect.request, dialect.reply);
        Object got = raw.echo(Samples.make(name));
        String found = same(wanted, got);
        // A peer that keeps more than Java does (fields of the same name, the sign of zero) gives back what Java reads at the end.
        boolean kept = same(crossed(name, dialect.reply), got).isEmpty() || same(Samples.make(name), got).isEmpty();
        return found.isEmpty() || kept ? "" : found;
    }

    private String sample(String name) throws Throwable {
        if (!thing.samples().contains(name)) {
            throw new NotApplicable("the server has no such sample");
        }
        Object got = thing.sample(name);
        String found = same(crossed(name, dialect.reply), got);
        // A peer may send what Java's own writer loses: the sign of zero.
        return found.isEmpty() || same(Samples.make(name), got).isEmpty() ? "" : found;
    }

    /** As deep as both sides like. */
    private String deep() throws Throwable {
        List<Object> list = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            list = new ArrayList<>(List.of(list));
        }
        return same(list, thing.echo(list));
    }

    /** Runs all that are asked for; how many failed. */
    int run(List<String> wanted, Report report) {
        int failed = 0;
        for (Map.Entry<String, Feature> feature : features.entrySet()) {
            String name = feature.getKey();
            if (!wanted.isEmpty() && wanted.stream().noneMatch(w -> w.equals(name) || w.endsWith(":") && name.startsWith(w))) {
                continue;
            }
            String detail;
            Boolean ok;
            try {
                detail = feature.getValue().run();
                ok = detail.isEmpty();
            } catch (NotApplicable e) {
                detail = e.getMessage();
                ok = null;
            } catch (Throwable e) {
                detail = e.toString();
                ok = false;
            }
            failed += Boolean.FALSE.equals(ok) ? 1 : 0;
            report.tell(name, ok, detail);
        }
        return failed;
    }

    /** Gets one line for each feature. */
    interface Report {
        void tell(String feature, Boolean ok, String detail);
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c < ' ' || c == '"' || c == '\\' || c > '~') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }

    /** HTTPS as the way says; certificates have to be right. */
    static void trust(String way, Path certs) throws Exception {
        if (!way.equals("plain")) {
            String who = way.equals("cert") ? "client" : null;
            HttpsURLConnection.setDefaultSSLSocketFactory(Tls.of(certs, who).getSocketFactory());
        }
    }

    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        trust(options.get("way", "plain"), Path.of(options.get("certs", "certs")));
        String url = options.get("url", null);
        Dialect spoken = Dialect.named(options.get("dialect", "mixed"));
        Client client = new Client(url, options.get("auth", url), options.get("raw", url), spoken);
        int failed = client.run(options.all("feature"), (name, ok, detail) -> {
            System.out.println("{\"feature\": " + quoted(name) + ", \"ok\": " + ok + ", \"detail\": " + quoted(detail) + "}");
            System.out.flush();
        });
        System.exit(failed == 0 ? 0 : 1);
    }
}
