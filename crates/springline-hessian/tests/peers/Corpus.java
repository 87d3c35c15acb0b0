package peer;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Hashtable;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * What Java's writer writes, and what its reader reads.
 *
 * <p>`write --version V --count N --seed S` prints a line for each value: its name, its description and its bytes in hex, with
 * tabs between them. `read` takes lines of a version and bytes from stdin, and prints the description of what it got, or
 * `error: ..`.
 */
public final class Corpus {
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    private Corpus() {}

    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        if (args.length > 0 && args[0].equals("write")) {
            write(Integer.parseInt(options.get("version", "2")), Integer.parseInt(options.get("count", "2000")),
                Long.parseLong(options.get("seed", "1")));
        } else if (args.length > 0 && args[0].equals("read")) {
            read();
        } else {
            System.err.println("usage: Corpus write --version 1|2 --count N --seed S | read");
            System.exit(2);
        }
        OUT.flush();
    }

    private static void write(int version, int count, long seed) throws Exception {
        for (Map.Entry<String, Supplier<Object>> sample : Samples.ALL.entrySet()) {
            // The description reads an iterator to its end.
            print(sample.getKey(), Describe.value(sample.getValue().get(), version), sample.getValue().get(), version);
        }
        for (int n = 0; n < count; n++) {
            Object value = new Maker(new Random(seed + n)).top();
            print("random_" + n, Describe.value(value, version), value, version);
        }
    }

    private static void print(String name, String description, Object value, int version) throws Exception {
        OUT.println(name + "\t" + description + "\t" + Describe.hex(Wire.write(value, version)));
    }

    private static void read() throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split(" ", -1);
            int version = Integer.parseInt(parts[0]);
            String answer;
            try {
                answer = Describe.value(Wire.read(Describe.bytes(parts[1]), version), version);
            } catch (Exception | StackOverflowError e) {
                answer = "error: " + e;
            }
            OUT.println(answer.replace('\n', ' '));
        }
    }

    /** Makes values at random. Objects that were made before may come again. */
    private static final class Maker {
        private static final int[] LENGTHS = {0, 1, 2, 7, 8, 15, 16, 30, 31, 32, 33, 255, 256, 1022, 1023, 1024, 1025};
        private static final int[] LONG_LENGTHS = {32_766, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537};
        private static final long[] EDGES = {
            0, 1, -8, -9, 15, 16, -16, -17, 47, 48, -2048, -2049, 2047, 2048, -262_144, -262_145, 262_143, 262_144,
            Integer.MIN_VALUE, Integer.MAX_VALUE, Integer.MIN_VALUE - 1L, Integer.MAX_VALUE + 1L, Long.MIN_VALUE, Long.MAX_VALUE
        };
        private static final String[] LETTERS = {"a", "z", " ", "\0", "\u007f", "\u0080", "é", "\u07ff", "\u0800", "€", "\ud7ff", "\ue000",
            "\uffff", "\ud83d\ude00", "\ud800\udc00", "\udbff\udfff"};

        private final Random random;
        private final List<Object> made = new ArrayList<>();

        Maker(Random random) {
            this.random = random;
        }

        Object top() {
            int kind = random.nextInt(12);
            if (kind == 0) {
                return scalar();
            }
            if (kind == 1 && random.nextInt(5) == 0) {
                return text(LONG_LENGTHS[random.nextInt(LONG_LENGTHS.length)]);
            }
            return container(4);
        }

        private Object any(int depth) {
            int kind = random.nextInt(10);
            if (kind == 0 && !made.isEmpty()) {
                return made.get(random.nextInt(made.size()));
            }
            return depth == 0 || kind < 5 ? scalar() : container(depth);
        }

        private long whole() {
            switch (random.nextInt(3)) {
                case 0:
                    return EDGES[random.nextInt(EDGES.length)];
                case 1:
                    return random.nextLong() >> random.nextInt(64);
                default:
                    return random.nextInt(200) - 100;
            }
        }

        private double real() {
            switch (random.nextInt(5)) {
                case 0:
                    return whole();
                case 1:
                    return whole() / 1000.0;
                case 2:
                    return Double.longBitsToDouble(random.nextLong());
                case 3:
                    return random.nextInt(1000) / 1000.0;
                default:
                    return random.nextGaussian();
            }
        }

        private String text(int units) {
            StringBuilder text = new StringBuilder(units);
            boolean plain = random.nextBoolean();
            while (text.length() < units) {
                String letter = plain ? LETTERS[random.nextInt(3)] : LETTERS[random.nextInt(LETTERS.length)];
                text.append(text.length() + letter.length() > units ? "." : letter);
            }
            return text.toString();
        }

        private String text() {
            return text(random.nextInt(4) == 0 ? LENGTHS[random.nextInt(LENGTHS.length)] : random.nextInt(12));
        }

        private Date date() {
            switch (random.nextInt(3)) {
                case 0:
                    return new Date(random.nextInt() * 60_000L);
                case 1:
                    return new Date(random.nextLong());
                default:
                    return new Date(1_600_000_000_000L + random.nextInt());
            }
        }

        private byte[] bytes() {
            byte[] bytes = new byte[random.nextInt(4) == 0 ? LENGTHS[random.nextInt(15)] : random.nextInt(20)];
            random.nextBytes(bytes);
            return bytes;
        }

        private Object scalar() {
            switch (random.nextInt(14)) {
                case 0:
                    return null;
                case 1:
                    return random.nextBoolean();
                case 2:
                case 3:
                    return (int) whole();
                case 4:
                    return whole();
                case 5:
                    return real();
                case 6:
                case 7:
                    return text();
                case 8:
                    return date();
                case 9:
                    return bytes();
                case 10:
                    return random.nextBoolean() ? (Object) (byte) whole() : (Object) (short) whole();
                case 11:
                    return (float) real();
                case 12:
                    return (char) ('a' + random.nextInt(500));
                default:
                    return text().toCharArray();
            }
        }

        private <T> T keep(T x) {
            made.add(x);
            return x;
        }

        private Object container(int depth) {
            int n = random.nextInt(8) == 0 ? 7 + random.nextInt(4) : random.nextInt(5);
            switch (random.nextInt(12)) {
                case 0:
                case 1:
                    return fill(keep(new ArrayList<>()), n, depth);
                case 2:
                    return fill(keep(new LinkedList<>()), n, depth);
                case 3:
                    return set(n);
                case 4:
                case 5:
                    return map(n, depth);
                case 6:
                case 7:
                    return array(n, depth);
                case 8:
                    return java(depth);
                case 9:
                    return keep(Arrays.asList(any(depth - 1), any(depth - 1)));
                default:
                    return bean(depth);
            }
        }

        private List<Object> fill(List<Object> list, int n, int depth) {
            for (int i = 0; i < n; i++) {
                list.add(any(depth - 1));
            }
            return list;
        }

        private Object set(int n) {
            java.util.Set<Object> set =
                random.nextBoolean() ? new HashSet<>() : random.nextBoolean() ? new LinkedHashSet<>() : new TreeSet<>();
            for (int i = 0; i < n; i++) {
                set.add(text());
            }
            return keep(set);
        }

        private Object map(int n, int depth) {
            int kind = random.nextInt(6);
            if (kind == 4) {
                Map<Color, Object> map = new EnumMap<>(Color.class);
                map.put(Color.values()[random.nextInt(2)], any(0));
                return keep(map);
            }
            if (kind == 5) {
                return keep(Collections.singletonMap(text(), any(depth - 1)));
            }
            Map<Object, Object> map = kind == 0 ? new HashMap<>() : kind == 1 ? new TreeMap<>() : kind == 2 ? new LinkedHashMap<>()
                : new Hashtable<>();
            // A key that changes later would be lost, and Hashtable has no null.
            for (int i = 0; i < n; i++) {
                Object value = any(depth - 1);
                Object key = kind == 0 || kind == 2 ? (random.nextBoolean() ? (Object) (int) whole() : date()) : text();
                map.put(key, value == null ? "" : value);
            }
            return keep(map);
        }

        private Object array(int n, int depth) {
            switch (random.nextInt(13)) {
                case 0:
                    boolean[] booleans = new boolean[n];
                    Arrays.fill(booleans, random.nextBoolean());
                    return keep(booleans);
                case 1:
                    short[] shorts = new short[n];
                    Arrays.fill(shorts, (short) whole());
                    return keep(shorts);
                case 2:
                    return keep(random.ints(n).toArray());
                case 3:
                    return keep(random.longs(n).toArray());
                case 4:
                    float[] floats = new float[n];
                    Arrays.fill(floats, (float) real());
                    return keep(floats);
                case 5:
                    return keep(random.doubles(n).toArray());
                case 6:
                    String[] texts = new String[n];
                    Arrays.setAll(texts, i -> random.nextInt(5) == 0 ? null : text());
                    return keep(texts);
                case 7:
                    Object[] objects = keep(new Object[n]);
                    Arrays.setAll(objects, i -> any(depth - 1));
                    return objects;
                case 8:
                    Date[] dates = new Date[n];
                    Arrays.setAll(dates, i -> date());
                    return keep(dates);
                case 9:
                    Integer[] integers = new Integer[n];
                    Arrays.setAll(integers, i -> random.nextInt(5) == 0 ? null : (int) whole());
                    return keep(integers);
                case 10:
                    int[][] table = new int[n][];
                    Arrays.setAll(table, i -> random.ints(i).toArray());
                    return keep(table);
                case 11:
                    Byte[] handles = new Byte[n];
                    Arrays.setAll(handles, i -> (byte) whole());
                    return keep(handles);
                default:
                    Person[] people = new Person[n];
                    Arrays.setAll(people, i -> person());
                    return keep(people);
            }
        }

        private Object java(int depth) {
            switch (random.nextInt(12)) {
                case 0:
                    return Color.values()[random.nextInt(2)];
                case 1:
                    return keep(new BigDecimal(new BigInteger(random.nextInt(200), random), random.nextInt(60) - 20));
                case 2:
                    return keep(new java.sql.Date(date().getTime()));
                case 3:
                    return keep(new java.sql.Time(date().getTime()));
                case 4:
                    return keep(new java.sql.Timestamp(random.nextInt() * 1000L));
                case 5:
                    return random.nextBoolean() ? Locale.CANADA_FRENCH : Locale.JAPANESE;
                case 6:
                    return keep(new UUID(random.nextLong(), random.nextLong()));
                case 7:
                    return keep(new BigInteger(random.nextInt(200), random));
                case 8:
                    return random.nextBoolean() ? String.class : Person.class;
                case 9:
                    return keep(new java.io.File(text()));
                case 10:
                    return keep(new Object());
                default:
                    return keep(Collections.singletonList(any(depth - 1)));
            }
        }

        private Person person() {
            String[] attributes = new String[random.nextInt(4)];
            Arrays.setAll(attributes, i -> text());
            return keep(new Person(text(), random.nextInt(5) == 0 ? null : text(), (int) whole(), attributes));
        }

        private Object bean(int depth) {
            switch (random.nextInt(7)) {
                case 0:
                    return keep(new Derived());
                case 1:
                    return keep(new Outer.Inner());
                case 2:
                    Everything everything = keep(new Everything());
                    everything.anything = any(depth - 1);
                    everything.text = text();
                    everything.precise = real();
                    everything.boxedReal = (float) real();
                    everything.date = date();
                    everything.large = whole();
                    everything.color = random.nextBoolean() ? Color.RED : null;
                    return everything;
                case 3:
                    Node node = keep(new Node(text()));
                    for (Object x : made) {
                        if (x instanceof Node) {
                            node.friends.add((Node) x);
                            node.next = random.nextBoolean() ? (Node) x : null;
                        }
                    }
                    return node;
                case 4:
                    Throwable e = new BankException(text(), (int) whole(), text());
                    return keep(random.nextBoolean() ? e : new IllegalStateException(text(), e));
                default:
                    return person();
            }
        }
    }
}
