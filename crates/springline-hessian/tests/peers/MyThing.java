package peer;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** The interface, served from Java. */
public final class MyThing implements Thing {
    private final AtomicInteger count = new AtomicInteger();
    private final Function<String, Account> accounts;

    MyThing(Function<String, Account> accounts) {
        this.accounts = accounts;
    }

    @Override
    public Person transform(String line) {
        String[] parts = line.split(" ");
        return new Person(parts[0], parts[1], 42, parts[2].split(","));
    }

    @Override
    public String getData(String param) {
        return "You got remote data => " + param;
    }

    @Override
    public long pow(long x, int y) {
        return BigInteger.valueOf(x).pow(y).longValueExact();
    }

    @Override
    public long add(long a, long b) {
        return a + b;
    }

    @Override
    public void nothing() {}

    @Override
    public int count() {
        return count.incrementAndGet();
    }

    @Override
    public String slow(double seconds) {
        try {
            Thread.sleep((long) (seconds * 1000));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return "done";
    }

    @Override
    public String bigText(int n) {
        String fox = "The quick brown fox. ";
        return fox.repeat(n / fox.length() + 1).substring(0, n);
    }

    @Override
    public List<Object> bigArray(int n) {
        List<Object> list = new ArrayList<>(n);
        for (int i = 0; i < n; i++) {
            list.add(i);
        }
        return list;
    }

    @Override
    public byte[] blob(int n) {
        return Samples.bytes(n);
    }

    @Override
    public int size(Object x) {
        if (x instanceof byte[]) {
            return ((byte[]) x).length;
        }
        String text = (String) x;
        return text.codePointCount(0, text.length());
    }

    @Override
    public Object echo(Object x) {
        return x;
    }

    @Override
    public List<String> samples() {
        return new ArrayList<>(Samples.ALL.keySet());
    }

    @Override
    public Object sample(String name) {
        return Samples.make(name);
    }

    @Override
    public String check(String name, Object x) {
        String found = Same.difference(Samples.make(name), x, false);
        for (int version = 1; version <= 2 && !found.isEmpty(); version++) {
            try {
                if (Same.difference(Wire.there(Samples.make(name), version), x, false).isEmpty()) {
                    return "";
                }
            } catch (IOException e) {
                return found + "; and Java itself: " + e;
            }
        }
        return found;
    }

    @Override
    public boolean typedBoolean(boolean x) {
        return x;
    }

    @Override
    public Boolean boxedBoolean(Boolean x) {
        return x;
    }

    @Override
    public byte typedByte(byte x) {
        return x;
    }

    @Override
    public short typedShort(short x) {
        return x;
    }

    @Override
    public int typedInt(int x) {
        return x;
    }

    @Override
    public Integer boxedInt(Integer x) {
        return x;
    }

    @Override
    public long typedLong(long x) {
        return x;
    }

    @Override
    public float typedFloat(float x) {
        return x;
    }

    @Override
    public double typedDouble(double x) {
        return x;
    }

    @Override
    public char typedChar(char x) {
        return x;
    }

    @Override
    public String typedString(String x) {
        return x;
    }

    @Override
    public Date typedDate(Date x) {
        return x;
    }

    @Override
    public byte[] typedBytes(byte[] x) {
        return x;
    }

    @Override
    public int[] typedInts(int[] x) {
        return x;
    }

    @Override
    public String[] typedStrings(String[] x) {
        return x;
    }

    @Override
    public Color typedEnum(Color x) {
        return x;
    }

    @Override
    public BigDecimal typedDecimal(BigDecimal x) {
        return x;
    }

    @Override
    public BigInteger typedBigInteger(BigInteger x) {
        return x;
    }

    @Override
    public UUID typedUuid(UUID x) {
        return x;
    }

    @Override
    public Person typedPerson(Person x) {
        return x;
    }

    @Override
    public Person[] typedPersons(Person[] x) {
        return x;
    }

    @Override
    public List<Person> typedList(List<Person> x) {
        return x;
    }

    @Override
    public Set<String> typedSet(Set<String> x) {
        return x;
    }

    @Override
    public Map<String, Integer> typedMap(Map<String, Integer> x) {
        return x;
    }

    @Override
    public Everything typedEverything(Everything x) {
        return x;
    }

    @Override
    public Node typedNode(Node x) {
        return x;
    }

    @Override
    public String over() {
        return "over()";
    }

    @Override
    public String over(int x) {
        return "over(int " + x + ")";
    }

    @Override
    public String over(long x) {
        return "over(long " + x + ")";
    }

    @Override
    public String over(double x) {
        return "over(double " + x + ")";
    }

    @Override
    public String over(boolean x) {
        return "over(boolean " + x + ")";
    }

    @Override
    public String over(String x) {
        return "over(String " + x + ")";
    }

    @Override
    public String over(Date x) {
        return "over(Date " + x.getTime() + ")";
    }

    @Override
    public String over(byte[] x) {
        return "over(byte[] of " + x.length + ")";
    }

    @Override
    public String over(int[] x) {
        return "over(int[] " + Arrays.toString(x) + ")";
    }

    @Override
    public String over(String[] x) {
        return "over(String[] " + Arrays.toString(x) + ")";
    }

    @Override
    public String over(Object x) {
        return "over(Object)";
    }

    @Override
    public String over(List<Object> x) {
        return "over(List of " + x.size() + ")";
    }

    @Override
    public String over(Map<String, Object> x) {
        return "over(Map of " + x.size() + ")";
    }

    @Override
    public String over(Person x) {
        return "over(Person " + x.firstName + ")";
    }

    @Override
    public String over(int x, String y) {
        return "over(int " + x + ", String " + y + ")";
    }

    @Override
    public String over(String a, int b, int c, double d) {
        return "over(String " + a + ", int " + b + ", int " + c + ", double " + d + ")";
    }

    @Override
    public void fail(String kind, String message) throws BankException {
        switch (kind) {
            case "runtime":
                throw new RuntimeException(message);
            case "illegal":
                throw new IllegalArgumentException(message);
            case "bank":
                throw new BankException(message, 7, "A-1");
            case "null":
                throw new RuntimeException();
            case "cause":
                Exception innermost = new IOException("innermost");
                throw new IllegalStateException(message, new RuntimeException("inner", innermost));
            case "suppressed":
                RuntimeException e = new RuntimeException(message);
                e.addSuppressed(new IllegalStateException("suppressed"));
                throw e;
            case "error":
                throw new AssertionError(message);
            case "unserializable":
                throw new Unserializable(message);
            default:
                throw new IllegalArgumentException("there is no failure " + kind);
        }
    }

    @Override
    public void failCode(int code, String message) throws BankException {
        throw new BankException(message, code, "A-1");
    }

    /** Cannot be sent: a thread is not serializable. */
    static final class Unserializable extends RuntimeException {
        final transient int unused = 0;
        final Object held = new Object[] {Thread.currentThread()};

        Unserializable(String message) {
            super(message);
        }
    }

    @Override
    public InputStream download(int n) {
        return new Pattern(n);
    }

    @Override
    public String upload(String name, InputStream data) {
        try {
            return name + ": " + Pattern.check(data);
        } catch (IOException e) {
            return name + ": " + e;
        }
    }

    /** Bytes that need no memory. */
    static final class Pattern extends InputStream {
        private final int length;
        private int at;

        Pattern(int length) {
            this.length = length;
        }

        @Override
        public int read() {
            return at < length ? at++ % 251 : -1;
        }

        @Override
        public int read(byte[] buffer, int offset, int most) {
            if (at >= length) {
                return -1;
            }
            int n = Math.min(most, length - at);
            for (int i = 0; i < n; i++) {
                buffer[offset + i] = (byte) ((at + i) % 251);
            }
            at += n;
            return n;
        }

        /** How many bytes there are, or where they are wrong. */
        static String check(InputStream data) throws IOException {
            byte[] buffer = new byte[65536];
            int at = 0;
            while (true) {
                int n = data.read(buffer);
                if (n <= 0) {
                    return at + " bytes";
                }
                for (int i = 0; i < n; i++) {
                    if ((buffer[i] & 255) != (at + i) % 251) {
                        return "byte " + (at + i) + " is wrong";
                    }
                }
                at += n;
            }
        }
    }

    @Override
    public Account open(String owner) {
        return accounts.apply(owner);
    }

    @Override
    public String visit(Account account) {
        return account.owner() + " has " + account.deposit(5);
    }

    @Override
    public List<Person> people(int n) {
        return Samples.people(n);
    }

    @Override
    public String countPeople(List<Person> people) {
        String found = Same.difference(Samples.people(people.size()), people, true);
        return found.isEmpty() ? people.size() + " people" : found;
    }

    /** An account by itself. */
    static final class MyAccount implements Account {
        private final String owner;
        private long balance;

        MyAccount(String owner) {
            this.owner = owner;
        }

        @Override
        public String owner() {
            return owner;
        }

        @Override
        public synchronized long deposit(long amount) {
            balance += amount;
            return balance;
        }
    }
}
