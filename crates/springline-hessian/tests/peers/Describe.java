package peer;

import java.io.File;
import java.io.Serializable;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Calendar;
import java.util.Collection;
import java.util.Date;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;

/**
 * A value as Hessian has it, in JSON, by Java's rules and without Hessian's library: null, booleans and texts as they are;
 * {"int": 1}, {"long": "1"}, {"double": "bits"}, {"bytes": "hex"}, {"date": "ms"}; {"list": [..]}, {"open": [..]} and
 * {"map": [[k, v], ..]}, with "type" where there is one; {"class": .., "fields": [[name, v], ..]}; {"ref": n} is the
 * container that begins as the n-th.
 */
final class Describe {
    private final StringBuilder out = new StringBuilder();
    private final IdentityHashMap<Object, Integer> seen = new IdentityHashMap<>();
    private final int version;
    private int begun;

    private Describe(int version) {
        this.version = version;
    }

    static String value(Object x, int version) {
        Describe describe = new Describe(version);
        describe.any(x);
        return describe.out.toString();
    }

    private void any(Object x) {
        if (x == null) {
            out.append("null");
        } else if (x instanceof Boolean) {
            out.append(x);
        } else if (x instanceof Byte || x instanceof Short) {
            boxed(x.getClass().getSimpleName() + "Handle", () -> number(((Number) x).intValue()));
        } else if (x instanceof Float) {
            boxed("FloatHandle", () -> real(((Float) x).doubleValue()));
        } else if (x instanceof Integer) {
            number((Integer) x);
        } else if (x instanceof Long) {
            out.append("{\"long\":\"").append(x).append("\"}");
        } else if (x instanceof Double) {
            real((Double) x);
        } else if (x instanceof Character || x instanceof String) {
            text(x.toString());
        } else if (x instanceof char[]) {
            text(new String((char[]) x));
        } else if (x instanceof byte[]) {
            out.append("{\"bytes\":\"").append(hex((byte[]) x)).append("\"}");
        } else if (x.getClass() == Date.class) {
            date(((Date) x).getTime());
        } else if (x instanceof Locale) {
            // A new handle each time: never shared.
            object("com.caucho.hessian.io.LocaleHandle", "value", () -> text(x.toString()));
        } else if (x instanceof Iterator) {
            begun++;
            out.append("{\"open\":[");
            items((Iterator<?>) x);
            out.append("]}");
        } else if (seen.containsKey(x)) {
            out.append("{\"ref\":").append(seen.get(x)).append('}');
        } else {
            seen.put(x, begun);
            container(x);
        }
    }

    private void container(Object x) {
        Class<?> c = x.getClass();
        if (c.isArray()) {
            list(arrayType(c));
            for (int i = 0; i < Array.getLength(x); i++) {
                if (i > 0) {
                    out.append(',');
                }
                item(Array.get(x, i), c.getComponentType());
            }
            out.append("]}");
        } else if (x instanceof Collection) {
            list(c == ArrayList.class || !(x instanceof Serializable) ? null : c.getName());
            items(((Collection<?>) x).iterator());
            out.append("]}");
        } else if (x instanceof Map) {
            map(x, c);
        } else if (x instanceof Enum) {
            object(((Enum<?>) x).getDeclaringClass().getName(), "name", () -> text(((Enum<?>) x).name()));
        } else if (x instanceof Class) {
            object("java.lang.Class", "name", () -> text(((Class<?>) x).getName()));
        } else if (x instanceof BigDecimal || x instanceof File) {
            object(c.getName(), "value", () -> text(x.toString()));
        } else if (x instanceof java.sql.Date || x instanceof java.sql.Time || x instanceof java.sql.Timestamp) {
            object(c.getName(), "value", () -> date(((Date) x).getTime()));
        } else if (x instanceof InetAddress) {
            InetAddress address = (InetAddress) x;
            begin("com.caucho.hessian.io.InetAddressHandle");
            field("hostName", () -> text(address.getHostName()));
            out.append(',');
            field("address", () -> any(address.getAddress()));
            out.append("]}");
        } else if (x instanceof Calendar) {
            begin("com.caucho.hessian.io.CalendarHandle");
            field("type", () -> any(null));
            out.append(',');
            field("date", () -> date(((Calendar) x).getTimeInMillis()));
            out.append("]}");
        } else if (c == Object.class) {
            begin("object");
            out.append("]}");
        } else {
            bean(x, c);
        }
    }

    private void map(Object x, Class<?> c) {
        begun++;
        out.append('{');
        if (c != java.util.HashMap.class && x instanceof Serializable) {
            out.append("\"type\":");
            text(c.getName());
            out.append(',');
        }
        out.append("\"map\":[");
        String comma = "";
        for (Map.Entry<?, ?> pair : ((Map<?, ?>) x).entrySet()) {
            out.append(comma).append('[');
            any(pair.getKey());
            out.append(',');
            any(pair.getValue());
            out.append(']');
            comma = ",";
        }
        out.append("]}");
    }

    // Fields of primitive types and of java.lang's come first, then the others; of each those of the class before those
    // of its superclasses, as they are declared.
    private void bean(Object x, Class<?> c) {
        if (x instanceof Throwable) {
            // Makes the field what it will be when it is written.
            ((Throwable) x).getStackTrace();
        }
        begin(c.getName());
        String comma = "";
        for (boolean first : new boolean[] {true, false}) {
            for (Class<?> owner = c; owner != null; owner = owner.getSuperclass()) {
                for (Field field : owner.getDeclaredFields()) {
                    if ((field.getModifiers() & (Modifier.STATIC | Modifier.TRANSIENT)) != 0 || isFirst(field) != first) {
                        continue;
                    }
                    out.append(comma).append('[');
                    text(field.getName());
                    out.append(',');
                    try {
                        field.setAccessible(true);
                        item(field.get(x), field.getType());
                    } catch (IllegalAccessException e) {
                        throw new IllegalStateException(e);
                    }
                    out.append(']');
                    comma = ",";
                }
            }
        }
        out.append("]}");
    }

    private static boolean isFirst(Field field) {
        Class<?> type = field.getType();
        return type.isPrimitive() || type.getName().startsWith("java.lang.") && type != Object.class;
    }

    // What lies in a place of a declared type.
    private void item(Object x, Class<?> type) {
        if (type == byte.class || type == short.class) {
            number(((Number) x).intValue());
        } else if (type == float.class) {
            real(((Float) x).doubleValue());
        } else if (x instanceof Date && (type == java.sql.Date.class || type == java.sql.Time.class || type == java.sql.Timestamp.class)) {
            date(((Date) x).getTime());
        } else {
            any(x);
        }
    }

    private static String arrayType(Class<?> c) {
        Class<?> item = c.getComponentType();
        if (item.isArray()) {
            return "[" + arrayType(item);
        }
        if (item == String.class || item == Object.class || item == Date.class) {
            return "[" + item.getSimpleName().toLowerCase(Locale.ROOT);
        }
        return "[" + item.getName();
    }

    // Numbers that have no code of their own.
    private void boxed(String handle, Runnable content) {
        if (version == 1) {
            content.run();
        } else {
            object("com.caucho.hessian.io." + handle, "_value", content);
        }
    }

    private void object(String name, String field, Runnable content) {
        begin(name);
        field(field, content);
        out.append("]}");
    }

    private void begin(String name) {
        begun++;
        out.append("{\"class\":");
        text(name);
        out.append(",\"fields\":[");
    }

    private void field(String name, Runnable content) {
        out.append('[');
        text(name);
        out.append(',');
        content.run();
        out.append(']');
    }

    private void list(String type) {
        begun++;
        out.append('{');
        if (type != null) {
            out.append("\"type\":");
            text(type);
            out.append(',');
        }
        out.append("\"list\":[");
    }

    private void items(Iterator<?> items) {
        String comma = "";
        while (items.hasNext()) {
            out.append(comma);
            any(items.next());
            comma = ",";
        }
    }

    private void number(int x) {
        out.append("{\"int\":").append(x).append('}');
    }

    private void real(double x) {
        out.append("{\"double\":\"").append(String.format("%016x", Double.doubleToLongBits(x))).append("\"}");
    }

    private void date(long ms) {
        out.append("{\"date\":\"").append(ms).append("\"}");
    }

    private void text(String x) {
        out.append('"');
        for (int i = 0; i < x.length(); i++) {
            char c = x.charAt(i);
            if (c < ' ' || c == '"' || c == '\\' || c > '~') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }

    static String hex(byte[] bytes) {
        StringBuilder hex = new StringBuilder(bytes.length * 2);
        for (byte b : bytes) {
            hex.append(Character.forDigit(b >> 4 & 15, 16)).append(Character.forDigit(b & 15, 16));
        }
        return hex.toString();
    }

    static byte[] bytes(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }
}
