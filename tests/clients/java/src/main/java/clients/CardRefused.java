package clients;

/** An error of the application's own. */
final class CardRefused extends RuntimeException {
  private static final long serialVersionUID = 1;

  CardRefused(String message, Throwable cause) {
    super(message, cause);
  }
}
