package peer;

import com.caucho.hessian.io.AbstractHessianInput;
import com.caucho.hessian.io.AbstractHessianOutput;
import com.caucho.hessian.io.Hessian2Input;
import com.caucho.hessian.io.Hessian2Output;
import com.caucho.hessian.io.HessianInput;
import com.caucho.hessian.io.HessianOutput;
import com.caucho.hessian.io.SerializerFactory;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;

/** What becomes of a value that Java sends to Java. */
final class Wire {
    private Wire() {}

    static SerializerFactory factory() {
        SerializerFactory factory = new SerializerFactory(Wire.class.getClassLoader());
        return factory;
    }

    static byte[] write(Object x, int version) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        AbstractHessianOutput out = version == 1 ? new HessianOutput(bytes) : new Hessian2Output(bytes);
        out.setSerializerFactory(factory());
        out.writeObject(x);
        out.flush();
        return bytes.toByteArray();
    }

    static Object read(byte[] bytes, int version) throws IOException {
        ByteArrayInputStream stream = new ByteArrayInputStream(bytes);
        AbstractHessianInput in = version == 1 ? new HessianInput(stream) : new Hessian2Input(stream);
        in.setSerializerFactory(factory());
        return in.readObject();
    }

    /** The value as a Java peer gets it. */
    static Object there(Object x, int version) throws IOException {
        return read(write(x, version), version);
    }
}
