package peer;

import com.caucho.hessian.client.HessianProxyFactory;
import com.caucho.hessian.server.HessianSkeleton;
import com.sun.management.OperatingSystemMXBean;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * Java against Java for the benchmark: one caller on one kept connection, Hessian 2 both ways, whole answers with their length.
 *
 * echo serve | echo drive HOST:PORT WARM_MS
 */
public final class Echo {
    private static final OperatingSystemMXBean PROCESS =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static final String PARAM = "Hello";
    private static final String ANSWER = "You got remote data => Hello";

    private Echo() {}

    private static void serve(BufferedReader control) throws IOException {
        HttpServer http = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0);
        HessianSkeleton skeleton = new HessianSkeleton(new MyThing(owner -> null), Thing.class);
        http.createContext("/", exchange -> {
            ByteArrayOutputStream out = new ByteArrayOutputStream(256);
            try {
                skeleton.invoke(exchange.getRequestBody(), out);
            } catch (Exception e) {
                throw new IOException(e);
            }
            exchange.getResponseHeaders().set("Content-Type", "x-application/hessian");
            exchange.sendResponseHeaders(200, out.size());
            out.writeTo(exchange.getResponseBody());
            exchange.close();
        });
        http.start();
        say("listening 127.0.0.1:" + http.getAddress().getPort());
        for (String line = control.readLine(); line != null; line = control.readLine()) {
            say("stats " + PROCESS.getProcessCpuTime() + " 0");
        }
        System.exit(0);
    }

    private static void drive(String address, long warmMillis, BufferedReader control) throws IOException {
        HessianProxyFactory factory = new HessianProxyFactory();
        factory.setHessian2Request(true);
        factory.setConnectionFactory(new Client.KeepAlive());
        Thing thing = (Thing) factory.create(Thing.class, "http://" + address + "/");
        if (!thing.getData(PARAM).equals(ANSWER)) {
            throw new IllegalStateException("wrong answer");
        }
        long start = System.nanoTime();
        long calls = 1;
        while (true) {
            long batch = System.nanoTime();
            work(thing, calls);
            long now = System.nanoTime();
            if (now - start >= warmMillis * 1_000_000) {
                say("warm " + calls * 1_000_000_000L / Math.max(1, now - batch));
                break;
            }
            calls *= 2;
        }
        for (String line = control.readLine(); line != null; line = control.readLine()) {
            calls = Long.parseLong(line.split(" ")[1]);
            long wall = System.nanoTime();
            long cpu = PROCESS.getProcessCpuTime();
            work(thing, calls);
            say("done " + calls + " " + (System.nanoTime() - wall) + " " + (PROCESS.getProcessCpuTime() - cpu) + " 0");
        }
    }

    private static void work(Thing thing, long calls) {
        for (long i = 0; i < calls; i++) {
            if (thing.getData(PARAM).length() != ANSWER.length()) {
                throw new IllegalStateException("wrong answer");
            }
        }
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    public static void main(String[] args) throws IOException {
        BufferedReader control = new BufferedReader(new InputStreamReader(System.in));
        if (args[0].equals("serve")) {
            serve(control);
        } else {
            drive(args[1], Long.parseLong(args[2]), control);
        }
    }
}
