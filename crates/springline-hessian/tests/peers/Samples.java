package peer;

import java.io.File;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Calendar;
import java.util.Collections;
import java.util.Date;
import java.util.GregorianCalendar;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Hashtable;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.Vector;
import java.util.function.Supplier;

/** Values of every kind, by name, made anew at each call. */
final class Samples {
    static final Map<String, Supplier<Object>> ALL = new LinkedHashMap<>();

    private Samples() {}

    private static void add(String name, Supplier<Object> value) {
        if (ALL.put(name, value) != null) {
            throw new IllegalStateException(name + " is there twice");
        }
    }

    static Object make(String name) {
        Supplier<Object> maker = ALL.get(name);
        if (maker == null) {
            throw new IllegalArgumentException("there is no sample " + name);
        }
        return maker.get();
    }

    /** So many units, with an emoji whose first unit is the unit at `at`; none where that is negative. */
    static String text(int units, int at) {
        StringBuilder text = new StringBuilder(units);
        for (int i = 0; i < units; i++) {
            text.append((char) ('a' + i % 26));
        }
        if (at >= 0) {
            text.replace(at, at + 2, "\ud83d\ude00");
        }
        return text.toString();
    }

    static byte[] bytes(int n) {
        byte[] bytes = new byte[n];
        for (int i = 0; i < n; i++) {
            bytes[i] = (byte) (i % 251);
        }
        return bytes;
    }

    static List<Person> people(int n) {
        List<Person> people = new ArrayList<>(n);
        for (int i = 0; i < n; i++) {
            people.add(new Person("First" + i, "Last" + i, i % 100, "a" + i, "b", "c"));
        }
        return people;
    }

    private static Map<String, Object> map(Map<String, Object> map) {
        map.put("one", 1);
        map.put("two", "zwei");
        map.put("none", null);
        return map;
    }

    private static List<Object> list(List<Object> list) {
        list.add(1);
        list.add("two");
        list.add(null);
        return list;
    }

    private static Node ring() {
        Node a = new Node("a");
        Node b = new Node("b");
        a.next = b;
        b.next = a;
        a.friends.add(b);
        b.friends.add(a);
        b.friends.add(b);
        return a;
    }

    private static Node chain(int links) {
        Node node = null;
        for (int i = 0; i < links; i++) {
            Node next = node;
            node = new Node("n" + i);
            node.next = next;
        }
        return node;
    }

    static {
        add("null", () -> null);
        add("bool_true", () -> true);
        add("bool_false", () -> false);
        int[] ints = {
            0, 1, -16, 47, -17, 48, -2048, 2047, -2049, 2048, -262_144, 262_143, -262_145, 262_144, Integer.MAX_VALUE,
            Integer.MIN_VALUE
        };
        for (int i : ints) {
            add("int_" + i, () -> i);
        }
        long[] longs = {
            0, -8, 15, -9, 16, -2048, 2047, -2049, 2048, -262_144, 262_143, -262_145, 262_144, Integer.MAX_VALUE,
            Integer.MIN_VALUE, Integer.MAX_VALUE + 1L, Integer.MIN_VALUE - 1L, Long.MAX_VALUE, Long.MIN_VALUE
        };
        for (long i : longs) {
            add("long_" + i, () -> i);
        }
        double[] doubles = {
            0.0, 1.0, -0.0, 2.0, -128.0, 127.0, -129.0, 128.0, -32_768.0, 32_767.0, -32_769.0, 32_768.0, 0.001, 0.009,
            12.25, 65.536, 2_147_483.647, 2_147_483.648, 1e10, 1e300, 1e-17, Math.PI, Double.NaN, Double.POSITIVE_INFINITY,
            Double.NEGATIVE_INFINITY, Double.MIN_VALUE, Double.MAX_VALUE
        };
        for (double d : doubles) {
            add("double_" + d, () -> d);
        }
        add("byte", () -> (byte) -5);
        add("short", () -> (short) 300);
        add("float", () -> 1.1f);
        add("char", () -> 'Ω');
        for (int n : new int[] {0, 1, 31, 32, 1023, 1024, 32_767, 32_768, 32_769, 65_536, 65_537, 100_000}) {
            add("text_" + n, () -> text(n, -1));
        }
        for (int at : new int[] {29, 30, 31, 1021, 1022, 1023, 32_766, 32_767, 32_768, 65_534, 65_535}) {
            add("emoji_at_" + at, () -> text(70_000, at));
            add("emoji_end_" + at, () -> text(at + 2, at));
        }
        add("text_nul", () -> "a\0b");
        add("text_latin", () -> "caf\u00e9");
        add("text_three_bytes", () -> "\u20ac \u041f\u0440\u0438\u0432\u0435\u0442 \uffff");
        add("text_markup", () -> "<a b=\"c\">&amp; 'd' ]]>");
        for (long ms : new long[] {0, 60_000, 900_684_535_000L, 900_684_480_000L, -1, -60_000, 253_402_300_799_999L}) {
            add("date_" + ms, () -> new Date(ms));
        }
        for (int n : new int[] {0, 1, 15, 16, 1023, 1024, 32_768, 32_769, 100_000}) {
            add("bytes_" + n, () -> bytes(n));
        }

        add("array_boolean", () -> new boolean[] {true, false});
        add("array_short", () -> new short[] {1, -2, 300});
        add("array_int", () -> new int[] {1, -2, 70_000});
        add("array_long", () -> new long[] {1, -2, 1L << 40});
        add("array_float", () -> new float[] {1.5f, -2.25f});
        add("array_double", () -> new double[] {1.5, 0.009, -1e10});
        add("array_string", () -> new String[] {"a", null, "\ud83d\ude00"});
        add("array_object", () -> new Object[] {1, "two", null, 2.5});
        add("array_date", () -> new Date[] {new Date(0), new Date(1)});
        add("array_integer", () -> new Integer[] {1, null, 3});
        add("array_person", () -> people(9).toArray(new Person[0]));
        add("array_2d", () -> new int[][] {{1, 2}, {}, {3}});
        add("array_empty", () -> new Object[0]);
        add("array_byte_boxed", () -> new Byte[] {1, -2});
        add("array_char", () -> "chars".toCharArray());

        add("list", () -> list(new ArrayList<>()));
        add("list_empty", () -> new ArrayList<>());
        for (int n : new int[] {7, 8, 1000}) {
            add("list_" + n, () -> new ArrayList<>(Collections.nCopies(n, 5)));
        }
        add("list_linked", () -> list(new LinkedList<>()));
        add("list_vector", () -> list(new Vector<>()));
        add("list_as_list", () -> Arrays.asList("a", "b"));
        add("list_sub", () -> new ArrayList<>(Arrays.asList(1, 2, 3, 4)).subList(1, 3));
        add("list_nested", () -> list(new ArrayList<>(List.of(new ArrayList<>(List.of(1)), new LinkedList<>(List.of(2))))));
        add("list_of_handles", () -> new ArrayList<>(Arrays.asList((byte) 1, (short) 2, 1.5f, 'c')));
        add("iterator", () -> new ArrayList<>(Arrays.asList(1, "two")).iterator());
        add("set", () -> new HashSet<>(Arrays.asList("a", "b", "c")));
        add("set_linked", () -> new LinkedHashSet<>(Arrays.asList("a", "b", "c")));
        add("set_tree", () -> new TreeSet<>(Arrays.asList("a", "b", "c")));
        add("map", () -> map(new HashMap<>()));
        add("map_empty", () -> new HashMap<>());
        add("map_linked", () -> map(new LinkedHashMap<>()));
        add("map_tree", () -> map(new TreeMap<>()));
        add("map_hashtable", () -> new Hashtable<>(Map.of("k", "v")));
        add("map_properties", () -> {
            Properties properties = new Properties();
            properties.setProperty("k", "v");
            return properties;
        });
        add("map_keys", () -> {
            Map<Object, Object> map = new HashMap<>();
            map.put(1, "int");
            map.put(1L, "long");
            map.put(2.5, "double");
            map.put(true, "boolean");
            map.put(null, "null");
            map.put(new ArrayList<>(List.of(1, 2)), "list");
            map.put(new Date(5), "date");
            map.put(Color.RED, "enum");
            return map;
        });

        add("enum", () -> Color.RED);
        add("enum_with_body", () -> Color.GREEN);
        add("enums_shared", () -> new ArrayList<>(List.of(Color.RED, Color.GREEN, Color.RED)));
        add("sql_date", () -> new java.sql.Date(900_684_535_000L));
        add("sql_time", () -> new java.sql.Time(900_684_535_000L));
        add("sql_timestamp", () -> new java.sql.Timestamp(900_684_535_123L));
        add("calendar", () -> {
            Calendar calendar = new GregorianCalendar();
            calendar.setTimeInMillis(900_684_535_123L);
            return calendar;
        });
        add("decimal", () -> new BigDecimal("-123456789012345678901234567890.0001200"));
        add("big", () -> new BigInteger("123456789012345678901234567890"));
        add("big_negative", () -> new BigInteger("-123456789012345678901234567890"));
        add("big_small", () -> BigInteger.TWO);
        add("big_long_max", () -> BigInteger.valueOf(Long.MAX_VALUE));
        add("locale", () -> Locale.US);
        add("locale_language", () -> Locale.GERMAN);
        add("uuid", () -> UUID.fromString("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
        add("class", () -> Person.class);
        add("file", () -> new File("/tmp/x"));
        add("inet_address", () -> {
            try {
                return InetAddress.getByAddress("a.example", new byte[] {127, 0, 0, 1});
            } catch (java.net.UnknownHostException e) {
                throw new IllegalStateException(e);
            }
        });
        add("exception", () -> new IllegalStateException("outer", new RuntimeException("inner")));
        add("exception_own", () -> new BankException("too little", 7, "A-1"));

        add("person", () -> new Person("Greg", "Turnquist", 40, "a", "b"));
        add("person_nulls", () -> new Person());
        add("everything", () -> new Everything());
        add("derived", () -> new Derived());
        add("inner_class", () -> new Outer.Inner());
        add("chain_25", () -> chain(25));
        add("ring", () -> ring());
        add("people_shared", () -> {
            Person one = new Person("One", "Only", 1);
            return new ArrayList<>(List.of(one, one, new ArrayList<>(List.of(one)), new Person("One", "Only", 1)));
        });
        add("list_of_itself", () -> {
            List<Object> list = new ArrayList<>();
            list.add("before");
            list.add(list);
            list.add("after");
            return list;
        });
        add("map_of_itself", () -> {
            Map<Object, Object> map = new HashMap<>();
            map.put("me", map);
            return map;
        });
        add("shared_bytes", () -> {
            byte[] bytes = bytes(20);
            return new ArrayList<>(List.of(bytes, bytes));
        });
        add("mixed_graph", () -> {
            List<Object> shared = new ArrayList<>(List.of("shared"));
            Map<Object, Object> map = new LinkedHashMap<>();
            map.put("decimal", new BigDecimal("1.5"));
            map.put("list", shared);
            map.put("uuid", UUID.fromString("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
            map.put("again", shared);
            map.put("enum", Color.RED);
            map.put("locale", Locale.US);
            map.put("float", 1.5f);
            map.put("third", shared);
            return map;
        });
        add("people_10000", () -> people(10_000));
    }
}
