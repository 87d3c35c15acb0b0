package peer;

/** A checked exception of our own, with fields. */
public class BankException extends Exception {
    public final int code;
    public final String account;

    public BankException(String message, int code, String account) {
        super(message);
        this.code = code;
        this.account = account;
    }
}
