package peer;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Whether two values are the same: types, contents, and which parts of them are one object. */
final class Same {
    private final IdentityHashMap<Object, Object> pairs = new IdentityHashMap<>();
    private final IdentityHashMap<Object, Object> backwards = new IdentityHashMap<>();
    private final boolean exact;

    private Same(boolean exact) {
        this.exact = exact;
    }

    /** Empty, or where they differ. `exact`: numbers have to be of one class, and one part of `b` for each of `a`. */
    static String difference(Object a, Object b, boolean exact) {
        String found = new Same(exact).compare(a, b, "x");
        return found == null ? "" : found;
    }

    private String compare(Object a, Object b, String where) {
        if (a == null || b == null) {
            return a == b ? null : differ(a, b, where);
        }
        if (a instanceof Number && b instanceof Number) {
            return number((Number) a, (Number) b) ? null : differ(a, b, where);
        }
        boolean isContainer = a instanceof Collection || a instanceof Map || a.getClass().isArray() || isOurs(a);
        if (!isContainer) {
            if (a instanceof Throwable) {
                return throwable((Throwable) a, b, where);
            }
            return a.equals(b) && a.getClass() == b.getClass() ? null : differ(a, b, where);
        }
        if (pairs.containsKey(a)) {
            if (a instanceof byte[]) {
                return compareArrays(a, b, where);
            }
            return pairs.get(a) == b ? null : where + ": not the object that stands for the same one elsewhere";
        }
        if (!(a instanceof byte[]) && !isEmpty(a) && backwards.containsKey(b)) {
            return where + ": one object stands for two";
        }
        pairs.put(a, b);
        backwards.put(b, a);
        if (a.getClass().isArray()) {
            return compareArrays(a, b, where);
        }
        if (a.getClass() != b.getClass()) {
            return differ(a, b, where);
        }
        if (a instanceof Map) {
            return compareMaps((Map<?, ?>) a, (Map<?, ?>) b, where);
        }
        if (a instanceof Set) {
            return a.equals(b) ? null : differ(a, b, where);
        }
        if (a instanceof Collection) {
            return compareLists(new ArrayList<>((Collection<?>) a), new ArrayList<>((Collection<?>) b), where);
        }
        return compareFields(a, b, where);
    }

    private boolean number(Number a, Number b) {
        if (a.getClass() == b.getClass()) {
            return a.equals(b);
        }
        // A byte is an integer to a peer that has no bytes, and a float a double.
        boolean whole = (a instanceof Byte || a instanceof Short) && b instanceof Integer;
        return !exact && (whole && a.intValue() == b.intValue() || a instanceof Float && a.doubleValue() == b.doubleValue());
    }

    private String throwable(Throwable a, Object b, String where) {
        if (b.getClass() != a.getClass() || !String.valueOf(a.getMessage()).equals(String.valueOf(((Throwable) b).getMessage()))) {
            return differ(a, b, where);
        }
        if (a instanceof BankException && ((BankException) a).code != ((BankException) b).code) {
            return where + ": another code";
        }
        return compare(a.getCause(), ((Throwable) b).getCause(), where + ".cause");
    }

    private String compareArrays(Object a, Object b, String where) {
        if (a.getClass() != b.getClass() || Array.getLength(a) != Array.getLength(b)) {
            return differ(a, b, where);
        }
        for (int i = 0; i < Array.getLength(a); i++) {
            String found = compare(Array.get(a, i), Array.get(b, i), where + "[" + i + "]");
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private String compareLists(List<?> a, List<?> b, String where) {
        if (a.size() != b.size()) {
            return where + ": " + b.size() + " items instead of " + a.size();
        }
        Iterator<?> other = b.iterator();
        int i = 0;
        for (Object item : a) {
            String found = compare(item, other.next(), where + "[" + i++ + "]");
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private String compareMaps(Map<?, ?> a, Map<?, ?> b, String where) {
        if (a.size() != b.size()) {
            return where + ": " + b.size() + " pairs instead of " + a.size();
        }
        for (Map.Entry<?, ?> pair : a.entrySet()) {
            if (!b.containsKey(pair.getKey())) {
                return where + ": there is no " + pair.getKey();
            }
            String found = compare(pair.getValue(), b.get(pair.getKey()), where + "[" + pair.getKey() + "]");
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private String compareFields(Object a, Object b, String where) {
        for (Class<?> c = a.getClass(); isOurs(c); c = c.getSuperclass()) {
            for (Field field : c.getDeclaredFields()) {
                if ((field.getModifiers() & (Modifier.STATIC | Modifier.TRANSIENT)) != 0) {
                    continue;
                }
                try {
                    field.setAccessible(true);
                    String found = compare(field.get(a), field.get(b), where + "." + field.getName());
                    if (found != null) {
                        return found;
                    }
                } catch (IllegalAccessException e) {
                    return where + ": " + e;
                }
            }
        }
        return null;
    }

    private static boolean isEmpty(Object x) {
        return x instanceof Collection && ((Collection<?>) x).isEmpty();
    }

    private static boolean isOurs(Object x) {
        return !(x instanceof Enum) && !(x instanceof Throwable) && isOurs(x.getClass());
    }

    private static boolean isOurs(Class<?> c) {
        return c.getName().startsWith("peer.");
    }

    private static String differ(Object a, Object b, String where) {
        return where + ": " + shown(b) + " instead of " + shown(a);
    }

    static String shown(Object x) {
        if (x == null) {
            return "null";
        }
        String text;
        try {
            text = x.getClass().isArray() ? "of " + Array.getLength(x) : String.valueOf(x);
        } catch (StackOverflowError e) {
            text = "a cycle";
        }
        return x.getClass().getName() + " " + (text.length() > 100 ? text.substring(0, 100) + ".." : text);
    }
}
