package footplate

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// handler states log lines as events. The attributes become the line's metadata.
type handler struct {
	execution *Execution
	nodeID    string
	groups    []string
	attrs     []grouped
}

// grouped is an attribute with the groups that it is in.
type grouped struct {
	groups []string
	attr   slog.Attr
}

// Enabled is true: the relay and its dashboards choose among the levels.
func (h *handler) Enabled(context.Context, slog.Level) bool { return true }

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = slices.Clone(h.attrs)
	for _, attr := range attrs {
		with.attrs = append(with.attrs, grouped{h.groups, attr})
	}
	return &with
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.groups = append(slices.Clone(h.groups), name)
	return &with
}

func (h *handler) Handle(_ context.Context, record slog.Record) error {
	line := &pb.LogWritten{Message: record.Message, Level: level(record.Level), NodeId: h.nodeID}
	metadata := map[string]any{}
	for _, one := range h.attrs {
		put(metadata, one.groups, one.attr)
	}
	record.Attrs(func(attr slog.Attr) bool {
		put(metadata, h.groups, attr)
		return true
	})
	if len(metadata) > 0 {
		// Each value was encoded before.
		line.Metadata, _ = JSON(metadata)
	}
	at := record.Time
	if at.IsZero() {
		at = time.Now()
	}
	h.execution.log(at, line)
	return nil
}

func level(of slog.Level) pb.LogLevel {
	switch {
	case of < slog.LevelInfo:
		return pb.LogLevel_LOG_LEVEL_DEBUG
	case of < slog.LevelWarn:
		return pb.LogLevel_LOG_LEVEL_INFO
	case of < slog.LevelError:
		return pb.LogLevel_LOG_LEVEL_WARNING
	default:
		return pb.LogLevel_LOG_LEVEL_ERROR
	}
}

// put writes an attribute where it belongs, in a form that JSON has.
func put(into map[string]any, groups []string, attr slog.Attr) {
	of := attr.Value.Resolve()
	if of.Kind() == slog.KindGroup {
		if attr.Key != "" {
			groups = append(slices.Clone(groups), attr.Key)
		}
		for _, inner := range of.Group() {
			put(into, groups, inner)
		}
		return
	}
	if attr.Key == "" {
		return
	}
	for _, group := range groups {
		inner, ok := into[group].(map[string]any)
		if !ok {
			inner = map[string]any{}
			into[group] = inner
		}
		into = inner
	}
	into[attr.Key] = plain(of)
}

func plain(of slog.Value) any {
	switch of.Kind() {
	case slog.KindDuration:
		return of.Duration().String()
	case slog.KindAny:
		if err, ok := of.Any().(error); ok {
			return err.Error()
		}
	}
	// What JSON does not have, such as a channel or NaN, is shown as text.
	text, err := JSON(of.Any())
	if err != nil {
		return fmt.Sprint(of.Any())
	}
	if text == nil {
		return nil
	}
	return json.RawMessage(text.Text)
}
