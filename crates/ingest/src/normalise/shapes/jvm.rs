//! Java and its neighbours: log4j2, logback, JBoss, the Elastic Common Schema's encoders.

use super::super::duration::Unit;
use super::super::targets::Target;
use super::shape::Sign::Has;
use super::shape::{Becomes, Shape, epoch, field, rule};

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "log4j2",
        about: "log4j2's JsonLayout and JsonTemplateLayout",
        signs: &[Has("instant.epochSecond"), Has("loggerName")],
        fields: &[
            rule("instant.epochSecond", Becomes::SecondsAnd("instant.nanoOfSecond")),
            field("loggerName", Target::Logger),
            field("thrown.name", Target::ErrorType),
            field("thrown.message", Target::ErrorMessage),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "log4j2-millis",
        about: "log4j2's JsonLayout before 2.11",
        signs: &[Has("timeMillis"), Has("loggerName")],
        fields: &[
            epoch("timeMillis", Unit::Milliseconds),
            field("loggerName", Target::Logger),
            field("thrown.name", Target::ErrorType),
            field("thrown.message", Target::ErrorMessage),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "logback",
        about: "logback's JsonEncoder",
        signs: &[Has("sequenceNumber"), Has("threadName"), Has("loggerName")],
        fields: &[
            field("loggerName", Target::Logger),
            field("throwable.className", Target::ErrorType),
            field("throwable.message", Target::ErrorMessage),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "logstash-encoder",
        about: "logstash-logback-encoder, log4j2's Logstash templates, Spring Boot's logstash format",
        signs: &[Has("logger_name"), Has("thread_name"), Has("@timestamp")],
        fields: &[
            field("exception.exception_class", Target::ErrorType),
            field("exception.exception_message", Target::ErrorMessage),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "jboss",
        about: "JBoss Log Manager: Quarkus, WildFly, Keycloak",
        signs: &[Has("loggerClassName"), Has("loggerName"), Has("level")],
        fields: &[
            field("loggerName", Target::Logger),
            field("exception.exceptionType", Target::ErrorType),
            field("exception.message", Target::ErrorMessage),
            field("stackTrace", Target::Stacktrace),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "ecs",
        about: "Elastic Common Schema: ecs-logging of every language, Spring Boot's ecs format",
        signs: &[Has("ecs.version"), Has("@timestamp")],
        ..Shape::PLAIN
    },
];
