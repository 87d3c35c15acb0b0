package peer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Client against Server, Java against Java, in all dialects: proves both, and shows what Java itself cannot do. `+` works,
 * `.` Java cannot, `X` fails. Exit status 1 when anything fails.
 *
 * selfcheck [--way plain|tls|cert --certs DIR] [--feature NAME ..]
 */
public final class Selfcheck {
    private Selfcheck() {}

    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        String way = options.get("way", "plain");
        Path certs = Path.of(options.get("certs", "certs"));
        Client.trust(way, certs);
        Map<String, StringBuilder> rows = new LinkedHashMap<>();
        List<String> reasons = new ArrayList<>();
        int failed = 0;
        for (Client.Dialect dialect : Client.Dialect.values()) {
            Server server = new Server(way, certs);
            Client client = new Client(server.base() + "/thing", server.base() + "/auth", server.base() + "/thing", dialect);
            failed += client.run(options.all("feature"), (name, ok, detail) -> {
                rows.computeIfAbsent(name, n -> new StringBuilder()).append(ok == null ? '.' : ok ? '+' : 'X');
                if (!Boolean.TRUE.equals(ok)) {
                    reasons.add(dialect + " " + name + ": " + detail);
                }
            });
            server.stop();
        }
        rows.forEach((name, marks) -> System.out.println(marks + " " + name));
        reasons.forEach(System.out::println);
        System.exit(failed == 0 && !rows.isEmpty() ? 0 : 1);
    }
}
