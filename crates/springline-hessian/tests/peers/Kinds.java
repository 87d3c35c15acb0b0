package peer;

import java.io.Serializable;

class Base implements Serializable {
    int shared = 1;
    String inherited = "from above";
}

/** Has a field of its superclass's name. */
class Derived extends Base {
    int shared = 2;
    double own = 2.5;
}

class Outer implements Serializable {
    /** Its name has a dollar sign. */
    static class Inner implements Serializable {
        int depth = 1;
    }
}
