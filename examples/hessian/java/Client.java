// javac -cp /usr/share/java/hessian.jar Client.java
// java --add-opens java.base/java.lang=ALL-UNNAMED -cp .:/usr/share/java/hessian.jar Client
import com.caucho.hessian.client.HessianProxyFactory;
import java.io.Serializable;

interface PersonService {
    Person transform(String line);
}

class Person implements Serializable {
    String firstName;
    String lastName;
    String[] attributes;
}

public class Client {
    public static void main(String[] args) throws Exception {
        HessianProxyFactory factory = new HessianProxyFactory();
        PersonService service = (PersonService) factory.create(PersonService.class, "http://localhost:8080/");
        Person person = service.transform("Greg Turnquist a,b,c,x,y,z");
        System.out.println(person.firstName + " " + person.lastName + " " + String.join(",", person.attributes));
    }
}
