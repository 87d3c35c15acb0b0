package peer;

/** A constant without and one with a body. */
public enum Color {
    RED,
    GREEN {
        @Override
        int shade() {
            return 2;
        }
    };

    int shade() {
        return 1;
    }
}
