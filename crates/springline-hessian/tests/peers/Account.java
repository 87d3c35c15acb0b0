package peer;

/** An object that stays where it is: clients get a reference. */
public interface Account {
    String owner();

    long deposit(long amount);
}
