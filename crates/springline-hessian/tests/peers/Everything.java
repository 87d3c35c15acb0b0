package peer;

import java.io.Serializable;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;

/** A field of each kind. */
public class Everything implements Serializable {
    boolean truth = true;
    Boolean boxedTruth = Boolean.FALSE;
    byte small = -5;
    Byte boxedSmall = 6;
    short medium = -300;
    Short boxedMedium = 301;
    int number = 70_000;
    Integer boxedNumber = -70_000;
    long large = 1L << 40;
    Long boxedLarge = 12L;
    float real = 1.5f;
    Float boxedReal = 2.25f;
    double precise = 0.009;
    Double boxedPrecise = -0.5;
    char letter = 'x';
    Character boxedLetter = 'Ω';
    String text = "caf\u00e9 \ud83d\ude00";
    String none = null;
    Date date = new Date(900_684_535_123L);
    BigDecimal amount = new BigDecimal("12.50");
    Color color = Color.GREEN;
    byte[] bytes = {1, 2, 3};
    int[] numbers = {1, 2, 3};
    Object anything = "text in an Object field";
    List<Object> list = new ArrayList<>(List.of(1, "two", 3.5));
    transient int forgotten = 9;
}
