package peer;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** A link of a chain, or of a ring. */
public class Node implements Serializable {
    String name;
    Node next;
    List<Node> friends = new ArrayList<>();

    Node() {}

    Node(String name) {
        this.name = name;
    }
}
