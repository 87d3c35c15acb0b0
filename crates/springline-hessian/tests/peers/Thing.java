package peer;

import java.io.InputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** The interface that both servers serve and both clients call. README.md says what each method does. */
public interface Thing {
    Person transform(String line);

    String getData(String param);

    long pow(long x, int y);

    long add(long a, long b);

    void nothing();

    int count();

    String slow(double seconds);

    String bigText(int n);

    List<Object> bigArray(int n);

    byte[] blob(int n);

    int size(Object x);

    // Values.

    Object echo(Object x);

    List<String> samples();

    Object sample(String name);

    String check(String name, Object x);

    // Typed parameters and results.

    boolean typedBoolean(boolean x);

    Boolean boxedBoolean(Boolean x);

    byte typedByte(byte x);

    short typedShort(short x);

    int typedInt(int x);

    Integer boxedInt(Integer x);

    long typedLong(long x);

    float typedFloat(float x);

    double typedDouble(double x);

    char typedChar(char x);

    String typedString(String x);

    Date typedDate(Date x);

    byte[] typedBytes(byte[] x);

    int[] typedInts(int[] x);

    String[] typedStrings(String[] x);

    Color typedEnum(Color x);

    BigDecimal typedDecimal(BigDecimal x);

    BigInteger typedBigInteger(BigInteger x);

    UUID typedUuid(UUID x);

    Person typedPerson(Person x);

    Person[] typedPersons(Person[] x);

    List<Person> typedList(List<Person> x);

    Set<String> typedSet(Set<String> x);

    Map<String, Integer> typedMap(Map<String, Integer> x);

    Everything typedEverything(Everything x);

    Node typedNode(Node x);

    // Overloads.

    String over();

    String over(int x);

    String over(long x);

    String over(double x);

    String over(boolean x);

    String over(String x);

    String over(Date x);

    String over(byte[] x);

    String over(int[] x);

    String over(String[] x);

    String over(Object x);

    String over(List<Object> x);

    String over(Map<String, Object> x);

    String over(Person x);

    String over(int x, String y);

    String over(String a, int b, int c, double d);

    // Failures.

    void fail(String kind, String message) throws BankException;

    void failCode(int code, String message) throws BankException;

    // Streams: byte i is i % 251.

    InputStream download(int n);

    String upload(String name, InputStream data);

    // Objects that stay where they are.

    Account open(String owner);

    String visit(Account account);

    // Many.

    List<Person> people(int n);

    String countPeople(List<Person> people);
}
