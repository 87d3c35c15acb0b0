package peer;

import com.caucho.hessian.client.HessianProxyFactory;
import com.caucho.hessian.io.Hessian2Input;
import com.caucho.hessian.io.HessianFactory;
import com.caucho.hessian.io.HessianInput;
import com.caucho.hessian.server.HessianSkeleton;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import javax.net.ssl.SSLParameters;

/**
 * Serves the interface with HessianSkeleton on the JDK's HTTP server. Says `READY {..}` and serves until its stdin ends.
 *
 * server [--way plain|tls|cert --certs DIR]
 */
public final class Server {
    static final String USER = "user";
    static final String PASSWORD = "pa:ss w\u00f6rd";

    private final HttpServer http;
    private final String base;
    private final HessianProxyFactory references = new HessianProxyFactory();
    private final Map<String, HessianSkeleton> accounts = new ConcurrentHashMap<>();

    /** How a skeleton's failure after the head looks. */
    enum Failure {
        /** As HessianServlet: the connection ends in the middle of the answer. */
        CUT,
        /** As Spring's exporter: the answer ends where it is, with nothing in it. */
        EMPTY
    }

    Server(String way, Path certs) throws Exception {
        InetSocketAddress address = new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0);
        if (way.equals("plain")) {
            http = HttpServer.create(address, 0);
        } else {
            HttpsServer https = HttpsServer.create(address, 0);
            https.setHttpsConfigurator(new HttpsConfigurator(Tls.of(certs, "server")) {
                @Override
                public void configure(HttpsParameters parameters) {
                    SSLParameters ssl = getSSLContext().getDefaultSSLParameters();
                    ssl.setNeedClientAuth(way.equals("cert"));
                    parameters.setSSLParameters(ssl);
                }
            });
            http = https;
        }
        String scheme = way.equals("plain") ? "http" : "https";
        base = scheme + "://localhost:" + http.getAddress().getPort();
        HessianSkeleton thing = skeleton(new MyThing(this::open), Thing.class);
        http.createContext("/thing", exchange -> serve(exchange, thing, Failure.CUT, false));
        http.createContext("/spring", exchange -> serve(exchange, thing, Failure.EMPTY, false));
        http.createContext("/deflate", exchange -> serve(exchange, thing, Failure.CUT, true));
        http.createContext("/auth", exchange -> {
            if (isAllowed(exchange)) {
                serve(exchange, thing, Failure.CUT, false);
            } else {
                exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"things\"");
                page(exchange, 401, "who are you?");
            }
        });
        http.createContext("/account/", exchange -> {
            String owner = exchange.getRequestURI().getPath().substring("/account/".length());
            serve(exchange, accounts.get(owner), Failure.CUT, false);
        });
        http.setExecutor(Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        }));
        http.start();
    }

    String base() {
        return base;
    }

    void stop() {
        http.stop(0);
    }

    private static boolean isAllowed(HttpExchange exchange) {
        String login = Base64.getEncoder().encodeToString((USER + ":" + PASSWORD).getBytes(StandardCharsets.UTF_8));
        return ("Basic " + login).equals(exchange.getRequestHeaders().getFirst("Authorization"));
    }

    private Account open(String owner) {
        accounts.computeIfAbsent(owner, name -> skeleton(new MyThing.MyAccount(name), Account.class));
        try {
            return (Account) references.create(Account.class, base + "/account/" + owner);
        } catch (java.net.MalformedURLException e) {
            throw new IllegalStateException(e);
        }
    }

    private HessianSkeleton skeleton(Object service, Class<?> api) {
        HessianSkeleton skeleton = new HessianSkeleton(service, api);
        // As HessianServlet of Resin: arguments that are references become proxies.
        skeleton.setHessianFactory(new HessianFactory() {
            @Override
            public Hessian2Input createHessian2Input(InputStream stream) {
                Hessian2Input in = super.createHessian2Input(stream);
                in.setRemoteResolver(references.getRemoteResolver());
                return in;
            }

            @Override
            public HessianInput createHessianInput(InputStream stream) {
                HessianInput in = super.createHessianInput(stream);
                in.setRemoteResolver(references.getRemoteResolver());
                return in;
            }
        });
        return skeleton;
    }

    private static void page(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = ("<h1>" + text + "</h1>").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/html");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    private void serve(HttpExchange exchange, HessianSkeleton skeleton, Failure failure, boolean deflate) throws IOException {
        if (skeleton == null) {
            page(exchange, 404, "Not Found");
            return;
        }
        if (!exchange.getRequestMethod().equals("POST")) {
            page(exchange, 500, "Hessian Requires POST");
            return;
        }
        Answer answer = new Answer(exchange);
        OutputStream out = answer;
        if (deflate && "deflate".equals(exchange.getRequestHeaders().getFirst("Accept-Encoding"))) {
            exchange.getResponseHeaders().set("Content-Encoding", "deflate");
            out = new DeflaterOutputStream(answer, new Deflater(Deflater.DEFAULT_COMPRESSION, true));
        }
        try {
            skeleton.invoke(exchange.getRequestBody(), out, Wire.factory());
        } catch (Throwable e) {
            if (failure == Failure.EMPTY) {
                answer.end();
                exchange.close();
                return;
            }
            if (!answer.isCommitted()) {
                page(exchange, 500, "Server Error");
                return;
            }
            // The JDK's server closes the connection.
            throw new IOException(e);
        }
        out.close();
        exchange.close();
    }

    /** The head goes out with the first flush, as in a servlet container. */
    private static final class Answer extends OutputStream {
        private final HttpExchange exchange;
        private final ByteArrayOutputStream held = new ByteArrayOutputStream();
        private OutputStream body;

        Answer(HttpExchange exchange) {
            this.exchange = exchange;
        }

        boolean isCommitted() {
            return body != null;
        }

        /** Ends it where it is. */
        void end() throws IOException {
            flush();
            body.close();
        }

        private void commit(long length) throws IOException {
            exchange.getResponseHeaders().set("Content-Type", "x-application/hessian");
            exchange.sendResponseHeaders(200, length);
            body = exchange.getResponseBody();
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] b, int offset, int length) throws IOException {
            if (body == null && held.size() + length > 65536) {
                commit(0);
                held.writeTo(body);
                held.reset();
            }
            (body == null ? held : body).write(b, offset, length);
        }

        @Override
        public void flush() throws IOException {
            // The skeleton flushes at its end, and before a failure leaves it.
            if (body == null) {
                commit(0);
                held.writeTo(body);
                held.reset();
            }
            body.flush();
        }

        @Override
        public void close() throws IOException {
            if (body == null) {
                commit(held.size());
            }
            held.writeTo(body);
            body.close();
        }
    }

    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        Server server = new Server(options.get("way", "plain"), Path.of(options.get("certs", "certs")));
        System.out.println(
            "READY {\"base\": \"" + server.base() + "\", \"java\": \"" + System.getProperty("java.version") + "\"}");
        System.out.flush();
        while (System.in.read() >= 0) {
            // Until it ends.
        }
        System.exit(0);
    }
}
