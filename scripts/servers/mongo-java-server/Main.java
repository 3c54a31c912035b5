import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;

public class Main {
	public static void main(String[] args) {
		new MongoServer(new MemoryBackend()).bind("127.0.0.1", Integer.parseInt(args[0]));
	}
}
