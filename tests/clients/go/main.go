// Command clients logs a known script of events through a real Go library.
//
// `clients NAME [quick]` prints the library's own lines on stdout, and appends to the file named by
// MANIFEST one JSON object an event: what a reader of the line must know. `from_ms` and `to_ms` are
// the clock before and after the call, so the line's own time lies between them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	apex "github.com/apex/log"
	apexjson "github.com/apex/log/handlers/json"
	apexlogfmt "github.com/apex/log/handlers/logfmt"
	"github.com/rs/zerolog"
	"github.com/sirupsen/logrus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Event is one call of the script.
type Event struct {
	Level    string
	Message  string
	Number   int
	Duration time.Duration
	Error    error
}

var errCard = errors.New("card refused\nby the bank")

// One event of each level, two of them with an error.
var script = []Event{
	{Level: "info", Message: "course listed", Number: 1, Duration: 12500 * time.Microsecond},
	{Level: "error", Message: "payment failed", Number: 2, Error: fmt.Errorf("charge 17: %w", errCard)},
	{Level: "warning", Message: "slow \"answer\" ü\tof the shop", Number: 3, Duration: 1834250 * time.Microsecond},
	{Level: "debug", Message: "cache miss", Number: 4},
	{Level: "critical", Message: "database is gone", Number: 5},
	{Level: "error", Message: "tax service does not answer", Number: 6, Error: errors.New("connection refused")},
}

// Client makes a function that logs one event.
type Client struct {
	log func(name string) func(Event)
	// Keys of the manifest that the library cannot say.
	lacks []string
	// What the library calls the level that it has for an event, where it has no such level.
	levels map[string]string
}

func requestID(name string, event Event) string { return fmt.Sprintf("r-%s-%d", name, event.Number) }

func zapClient(config func() zap.Config) func(string) func(Event) {
	return func(name string) func(Event) {
		settings := config()
		settings.Level = zap.NewAtomicLevelAt(zap.DebugLevel)
		settings.OutputPaths = []string{"stdout"}
		settings.Sampling = nil
		logger, err := settings.Build()
		check(err)
		levels := map[string]zapcore.Level{"debug": zap.DebugLevel, "info": zap.InfoLevel, "warning": zap.WarnLevel, "error": zap.ErrorLevel, "critical": zap.DPanicLevel}
		return func(event Event) {
			fields := []zap.Field{zap.String("request_id", requestID(name, event)), zap.Int("user_id", 4242)}
			if event.Duration > 0 {
				fields = append(fields, zap.Duration("duration", event.Duration))
			}
			if event.Error != nil {
				fields = append(fields, zap.Error(event.Error))
			}
			// In development a DPANIC line is followed by a panic.
			defer func() { _ = recover() }()
			logger.Log(levels[event.Level], event.Message, fields...)
		}
	}
}

func zerologClient(name string) func(Event) {
	logger := zerolog.New(os.Stdout).With().Timestamp().Logger()
	levels := map[string]zerolog.Level{"debug": zerolog.DebugLevel, "info": zerolog.InfoLevel, "warning": zerolog.WarnLevel, "error": zerolog.ErrorLevel, "critical": zerolog.FatalLevel}
	return func(event Event) {
		line := logger.WithLevel(levels[event.Level]).Str("request_id", requestID(name, event)).Int("user_id", 4242)
		if event.Duration > 0 {
			line = line.Dur("duration_ms", event.Duration)
		}
		if event.Error != nil {
			line = line.Err(event.Error)
		}
		line.Msg(event.Message)
	}
}

func logrusClient(formatter logrus.Formatter) func(string) func(Event) {
	return func(name string) func(Event) {
		logger := logrus.New()
		logger.SetOutput(os.Stdout)
		logger.SetLevel(logrus.DebugLevel)
		logger.SetFormatter(formatter)
		levels := map[string]logrus.Level{"debug": logrus.DebugLevel, "info": logrus.InfoLevel, "warning": logrus.WarnLevel, "error": logrus.ErrorLevel, "critical": logrus.FatalLevel}
		return func(event Event) {
			entry := logger.WithFields(logrus.Fields{"request_id": requestID(name, event), "user_id": 4242})
			if event.Duration > 0 {
				entry = entry.WithField("took", event.Duration.String())
			}
			if event.Error != nil {
				entry = entry.WithError(event.Error)
			}
			entry.Log(levels[event.Level], event.Message)
		}
	}
}

func slogClient(handler func(*slog.HandlerOptions) slog.Handler) func(string) func(Event) {
	return func(name string) func(Event) {
		logger := slog.New(handler(&slog.HandlerOptions{Level: slog.LevelDebug}))
		levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warning": slog.LevelWarn, "error": slog.LevelError, "critical": slog.LevelError + 4}
		return func(event Event) {
			fields := []any{slog.String("request_id", requestID(name, event)), slog.Int("user_id", 4242)}
			if event.Duration > 0 {
				fields = append(fields, slog.Duration("duration", event.Duration))
			}
			if event.Error != nil {
				fields = append(fields, slog.Any("err", event.Error))
			}
			logger.Log(context.Background(), levels[event.Level], event.Message, fields...)
		}
	}
}

func apexClient(handler apex.Handler) func(string) func(Event) {
	return func(name string) func(Event) {
		logger := &apex.Logger{Handler: handler, Level: apex.DebugLevel}
		return func(event Event) {
			entry := logger.WithFields(apex.Fields{"request_id": requestID(name, event), "user_id": 4242})
			if event.Duration > 0 {
				entry = entry.WithDuration(event.Duration)
			}
			if event.Error != nil {
				entry = entry.WithError(event.Error)
			}
			switch event.Level {
			case "debug":
				entry.Debug(event.Message)
			case "info":
				entry.Info(event.Message)
			case "warning":
				entry.Warn(event.Message)
			default:
				// Fatal would end the process.
				entry.Error(event.Message)
			}
		}
	}
}

func standardClient(string) func(Event) {
	logger := log.New(os.Stdout, "", log.LstdFlags|log.Lmicroseconds)
	return func(event Event) { logger.Print(event.Message) }
}

// slog has no level above its error, which it writes as `ERROR+4`.
var slogLevels = map[string]string{"critical": "error"}

// apex writes whole milliseconds under a bare `duration`, as others write nanoseconds or seconds.
var clients = map[string]Client{
	"zap":         {log: zapClient(zap.NewProductionConfig)},
	"zap-console": {log: zapClient(zap.NewDevelopmentConfig)},
	"zerolog":     {log: zerologClient},
	"logrus":      {log: logrusClient(&logrus.JSONFormatter{})},
	"logrus-text": {log: logrusClient(&logrus.TextFormatter{})},
	"slog":        {log: slogClient(func(o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(os.Stdout, o) }), levels: slogLevels},
	"slog-text":   {log: slogClient(func(o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(os.Stdout, o) }), levels: slogLevels},
	"apex":        {log: apexClient(apexjson.New(os.Stdout)), lacks: []string{"duration_ms"}, levels: map[string]string{"critical": "error"}},
	"apex-logfmt": {log: apexClient(apexlogfmt.New(os.Stdout)), lacks: []string{"duration_ms"}, levels: map[string]string{"critical": "error"}},
	"go-log":      {log: standardClient, lacks: []string{"level", "request_id", "user_id", "duration_ms", "error_type"}},
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expected(name string, client Client, event Event) map[string]any {
	level := event.Level
	if other, ok := client.levels[level]; ok {
		level = other
	}
	record := map[string]any{"client": name, "level": level, "message": event.Message,
		"request_id": requestID(name, event), "user_id": 4242, "duration_ms": nil}
	if event.Duration > 0 {
		record["duration_ms"] = float64(event.Duration.Microseconds()) / 1000
	}
	for _, key := range client.lacks {
		delete(record, key)
	}
	return record
}

func main() {
	name := os.Args[1]
	client, ok := clients[name]
	if !ok {
		panic("no client " + name)
	}
	count := len(script)
	if len(os.Args) > 2 && os.Args[2] == "quick" {
		count = 2
	}
	manifest, err := os.OpenFile(os.Getenv("MANIFEST"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	check(err)
	log := client.log(name)
	for _, event := range script[:count] {
		before := time.Now()
		log(event)
		after := time.Now()
		record := expected(name, client, event)
		record["from_ms"] = float64(before.UnixMicro()) / 1000
		record["to_ms"] = float64(after.UnixMicro())/1000 + 1
		line, err := json.Marshal(record)
		check(err)
		_, err = manifest.Write(append(line, '\n'))
		check(err)
	}
}
