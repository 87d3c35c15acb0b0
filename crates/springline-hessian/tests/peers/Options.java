package peer;

import java.util.ArrayList;
import java.util.List;

/** `--name value ..` of a command line. */
final class Options {
    private final String[] args;

    Options(String[] args) {
        this.args = args;
    }

    String get(String name, String otherwise) {
        List<String> all = all(name);
        return all.isEmpty() ? otherwise : all.get(0);
    }

    /** All values of an option that may be there several times. */
    List<String> all(String name) {
        List<String> found = new ArrayList<>();
        for (int i = 0; i + 1 < args.length; i++) {
            if (args[i].equals("--" + name)) {
                found.add(args[i + 1]);
            }
        }
        return found;
    }
}
