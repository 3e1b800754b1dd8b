package clients;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import co.elastic.logging.logback.EcsEncoder;
import java.util.HashMap;
import java.util.Map;
import net.logstash.logback.encoder.LogstashEncoder;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.ThreadContext;
import org.apache.logging.log4j.core.config.Configurator;
import org.apache.logging.log4j.core.config.builder.api.ConfigurationBuilderFactory;
import org.slf4j.MDC;

/** The libraries, each set up as its manual says, writing to stdout. */
final class Clients {
  /** A library that is ready, and what its lines can say. */
  record Client(Main.Log log, boolean hasFatal, boolean hasFields, boolean hasDate) {
    Client(Main.Log log, boolean hasFatal, boolean hasFields) {
      this(log, hasFatal, hasFields, true);
    }

    /** The lines of a layout that writes the time of day alone. */
    Client withoutDate() {
      return new Client(log, hasFatal, hasFields, false);
    }
  }

  private Clients() {}

  static Client of(String name) {
    return switch (name) {
      case "logstash-logback-encoder" -> logback(new LogstashEncoder(), true);
      case "logback-ecs-encoder" -> logback(new EcsEncoder(), true);
      case "logback-json-encoder" -> logback(new ch.qos.logback.classic.encoder.JsonEncoder(), true);
      case "logback-basic" ->
          logback(pattern("%d{HH:mm:ss.SSS} [%thread] %-5level %logger{36} -%kvp- %msg%n"), false)
              .withoutDate();
      case "logback-pattern" ->
          logback(pattern("%d{yyyy-MM-dd HH:mm:ss.SSS} [%thread] %-5level %logger{36} - %msg%n"), false);
      case "spring-boot" ->
          logback(
              pattern(
                  "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %5p 4711 --- [shop] [%15.15t] %-40.40logger{39} : %m%n"),
              false);
      case "log4j2-ecs" -> log4j2("classpath:EcsLayout.json");
      case "log4j2-gelf" -> log4j2("classpath:GelfLayout.json");
      case "log4j2-json-template" -> log4j2("classpath:JsonLayout.json");
      case "log4j2-logstash" -> log4j2("classpath:LogstashJsonEventLayoutV1.json");
      case "log4j2-pattern" -> log4j2(null);
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static PatternLayoutEncoder pattern(String pattern) {
    PatternLayoutEncoder encoder = new PatternLayoutEncoder();
    encoder.setPattern(pattern);
    return encoder;
  }

  private static Client logback(Encoder<ILoggingEvent> encoder, boolean hasFields) {
    LoggerContext context = (LoggerContext) org.slf4j.LoggerFactory.getILoggerFactory();
    context.reset();
    encoder.setContext(context);
    encoder.start();
    ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
    appender.setContext(context);
    appender.setEncoder(encoder);
    appender.start();
    context.getLogger("ROOT").addAppender(appender);
    org.slf4j.Logger logger = context.getLogger("com.example.shop.PaymentService");
    return new Client((event, requestId) -> viaSlf4j(logger, event, requestId), false, hasFields);
  }

  private static void viaSlf4j(org.slf4j.Logger logger, Main.Event event, String requestId) {
    MDC.put("request_id", requestId);
    MDC.put("user_id", "4242");
    if (event.durationMs() != null) {
      MDC.put("duration_ms", event.durationMs().toString());
    }
    switch (event.level()) {
      case "debug" -> logger.debug(event.message());
      case "info" -> logger.info(event.message());
      case "warning" -> logger.warn(event.message());
      default -> logger.error(event.message(), event.error());
    }
    MDC.clear();
  }

  private static Client log4j2(String template) {
    var builder = ConfigurationBuilderFactory.newConfigurationBuilder();
    var layout =
        template == null
            ? builder.newLayout("PatternLayout").addAttribute("pattern", "%d %-5p [%t] %c{1} - %m%n")
            : builder
                .newLayout("JsonTemplateLayout")
                .addAttribute("eventTemplateUri", template)
                .addAttribute("stackTraceEnabled", true);
    builder.add(
        builder.newAppender("out", "CONSOLE").addAttribute("target", "SYSTEM_OUT").add(layout));
    builder.add(builder.newRootLogger(Level.DEBUG).add(builder.newAppenderRef("out")));
    var logger =
        Configurator.initialize(builder.build()).getLogger("com.example.shop.PaymentService");
    Map<String, Level> levels = new HashMap<>();
    levels.put("debug", Level.DEBUG);
    levels.put("info", Level.INFO);
    levels.put("warning", Level.WARN);
    levels.put("error", Level.ERROR);
    levels.put("critical", Level.FATAL);
    Main.Log log =
        (event, requestId) -> {
          ThreadContext.put("request_id", requestId);
          ThreadContext.put("user_id", "4242");
          if (event.durationMs() != null) {
            ThreadContext.put("duration_ms", event.durationMs().toString());
          }
          logger.log(levels.get(event.level()), event.message(), event.error());
          ThreadContext.clearMap();
        };
    return new Client(log, true, template != null);
  }
}
