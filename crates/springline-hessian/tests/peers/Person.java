package peer;

import java.io.Serializable;

/** The bean of the original's chapter. */
public class Person implements Serializable {
    String firstName;
    String lastName;
    int age;
    String[] attributes;

    public Person() {}

    public Person(String firstName, String lastName, int age, String... attributes) {
        this.firstName = firstName;
        this.lastName = lastName;
        this.age = age;
        this.attributes = attributes;
    }
}
