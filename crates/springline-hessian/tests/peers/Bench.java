package peer;

import com.caucho.hessian.io.AbstractHessianInput;
import com.caucho.hessian.io.AbstractHessianOutput;
import com.caucho.hessian.io.Hessian2Input;
import com.caucho.hessian.io.Hessian2Output;
import com.caucho.hessian.io.HessianInput;
import com.caucho.hessian.io.HessianOutput;
import com.caucho.hessian.io.SerializerFactory;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Java's share of the codec benchmark: `Bench COUNT DIR` writes that many persons to `DIR/hessian1` and `DIR/hessian2`, warms
 * up, prints `ready`, and then for each line on stdin, `hessianV-encode` or `hessianV-decode`, the nanoseconds of CPU time
 * that its thread needs for it: `done N`.
 */
public final class Bench {
    private static final SerializerFactory FACTORY = new SerializerFactory(Bench.class.getClassLoader());
    private static Object kept;

    private Bench() {}

    public static void main(String[] args) throws Exception {
        List<Person> people = Samples.people(Integer.parseInt(args[0]));
        byte[][] messages = new byte[3][];
        for (int version = 1; version <= 2; version++) {
            messages[version] = write(people, version).toByteArray();
            Files.write(Path.of(args[1], "hessian" + version), messages[version]);
        }
        for (int round = 0; round < 4; round++) {
            for (int version = 1; version <= 2; version++) {
                measure("hessian" + version + "-encode", people, messages, 500_000_000);
                measure("hessian" + version + "-decode", people, messages, 500_000_000);
            }
        }
        System.out.println("ready");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println("done " + measure(line, people, messages, 40_000_000));
        }
    }

    // Nanoseconds of one run, over as many as fill the time.
    private static long measure(String what, List<Person> people, byte[][] messages, long nanos) throws IOException {
        int version = what.startsWith("hessian1") ? 1 : 2;
        boolean encode = what.endsWith("encode");
        long start = time();
        for (int runs = 1; ; runs++) {
            kept = encode ? write(people, version) : read(messages[version], version);
            long spent = time() - start;
            if (spent >= nanos) {
                return spent / runs;
            }
        }
    }

    private static long time() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static ByteArrayOutputStream write(List<Person> people, int version) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(people.size() * 200);
        AbstractHessianOutput out = version == 1 ? new HessianOutput(bytes) : new Hessian2Output(bytes);
        out.setSerializerFactory(FACTORY);
        out.writeObject(people);
        out.flush();
        return bytes;
    }

    private static Object read(byte[] message, int version) throws IOException {
        ByteArrayInputStream bytes = new ByteArrayInputStream(message);
        AbstractHessianInput in = version == 1 ? new HessianInput(bytes) : new Hessian2Input(bytes);
        in.setSerializerFactory(FACTORY);
        return in.readObject();
    }
}
