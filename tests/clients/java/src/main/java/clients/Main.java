package clients;

import java.io.FileWriter;
import java.io.IOException;
import java.io.Writer;
import java.util.List;
import java.util.Locale;

/**
 * Logs a known script of events through a real Java library.
 *
 * <p>{@code Main NAME [quick]} prints the library's own lines on stdout, and appends to the file
 * named by MANIFEST one JSON object an event: what a reader of the line must know. {@code from_ms}
 * and {@code to_ms} are the clock before and after the call, so the line's own time lies between.
 */
public final class Main {
  /** One call of the script. */
  record Event(String level, String message, int number, Double durationMs, Throwable error) {}

  /** Logs one event. */
  interface Log {
    void log(Event event, String requestId) throws Exception;
  }

  private static Throwable refused() {
    try {
      try {
        return new IllegalStateException(List.of(1).get(7).toString());
      } catch (IndexOutOfBoundsException cause) {
        throw new CardRefused("card refused\nby the bank", cause);
      }
    } catch (CardRefused refused) {
      return refused;
    }
  }

  /** One event of each level, two of them with an exception. */
  private static final List<Event> SCRIPT =
      List.of(
          new Event("info", "course listed", 1, 12.5, null),
          new Event("error", "payment failed", 2, null, refused()),
          new Event("warning", "slow \"answer\" ü\tof the shop", 3, 1834.25, null),
          new Event("debug", "cache miss", 4, null, null),
          new Event("critical", "database is gone", 5, null, null),
          new Event("error", "tax service does not answer", 6, null, new IllegalStateException()));

  public static void main(String[] arguments) throws Exception {
    Locale.setDefault(Locale.ROOT);
    String name = arguments[0];
    int count = arguments.length > 1 && arguments[1].equals("quick") ? 2 : SCRIPT.size();
    Clients.Client client = Clients.of(name);
    try (Writer manifest = new FileWriter(System.getenv("MANIFEST"), true)) {
      for (Event event : SCRIPT.subList(0, count)) {
        String requestId = "r-" + name + "-" + event.number();
        long before = System.currentTimeMillis();
        client.log().log(event, requestId);
        long after = System.currentTimeMillis() + 1;
        manifest.write(expected(name, client, event, requestId, before, after));
      }
    }
  }

  private static String expected(
      String name, Clients.Client client, Event event, String requestId, long before, long after)
      throws IOException {
    StringBuilder json = new StringBuilder("{\"client\":").append(quoted(name));
    String level = client.hasFatal() || !event.level().equals("critical") ? event.level() : "error";
    json.append(",\"level\":").append(quoted(level));
    json.append(",\"message\":").append(quoted(event.message()));
    String type = event.error() == null ? null : event.error().getClass().getName();
    json.append(",\"error_type\":").append(quoted(type));
    if (client.hasDate()) {
      json.append(",\"from_ms\":").append(before).append(",\"to_ms\":").append(after);
    }
    if (client.hasFields()) {
      json.append(",\"request_id\":").append(quoted(requestId)).append(",\"user_id\":4242");
      json.append(",\"duration_ms\":").append(event.durationMs());
    }
    return json.append("}\n").toString();
  }

  private static String quoted(String text) {
    if (text == null) {
      return "null";
    }
    String escaped = text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\t", "\\t");
    return "\"" + escaped.replace("\n", "\\n") + "\"";
  }
}
