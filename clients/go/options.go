package footplate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// Capability is a command that an engine obeys.
type Capability = pb.CommandKind

// The commands that an engine can obey.
const (
	Pause  = pb.CommandKind_COMMAND_KIND_PAUSE
	Resume = pb.CommandKind_COMMAND_KIND_RESUME
	Cancel = pb.CommandKind_COMMAND_KIND_CANCEL
)

// Option is a setting of New.
type Option func(*options) error

type options struct {
	producerID   string
	credentials  credentials.TransportCredentials
	token        func(context.Context) (string, error)
	staticToken  bool
	capabilities map[Capability]bool
	labels       map[string]string
	log          *slog.Logger
	first, most  time.Duration
	events       int
	bytes        int
}

// WithProducerID names the engine: the same after a restart, another for each engine that runs beside it. Required.
func WithProducerID(id string) Option {
	return func(o *options) error {
		o.producerID = id
		return nil
	}
}

// WithTransportCredentials encrypts the link, as with credentials.NewClientTLSFromFile. Without it the link is plain.
func WithTransportCredentials(with credentials.TransportCredentials) Option {
	return func(o *options) error {
		o.credentials = with
		return nil
	}
}

// WithToken shows the relay a bearer token. One that is refused stops the engine.
func WithToken(token string) Option {
	return func(o *options) error {
		o.token = func(context.Context) (string, error) { return token, nil }
		o.staticToken = true
		return nil
	}
}

// WithTokenSource shows the relay a bearer token that is asked for at each attempt to attach. The function has to return
// when its context ends.
func WithTokenSource(source func(context.Context) (string, error)) Option {
	return func(o *options) error {
		o.token, o.staticToken = source, false
		return nil
	}
}

// WithCapabilities names the commands that the engine really obeys: dashboards offer these and no others.
func WithCapabilities(all ...Capability) Option {
	return func(o *options) error {
		for _, one := range all {
			if one != Pause && one != Resume && one != Cancel {
				return fmt.Errorf("WithCapabilities: %v: there are Pause, Resume and Cancel", one)
			}
			o.capabilities[one] = true
		}
		return nil
	}
}

// WithLabels describes the engine.
func WithLabels(labels map[string]string) Option {
	return func(o *options) error {
		o.labels = labels
		return nil
	}
}

// WithLogger says where the engine tells of its link, and of events that the relay finds fault with. The default is
// slog.Default.
func WithLogger(log *slog.Logger) Option {
	return func(o *options) error {
		if log == nil {
			return errors.New("WithLogger: nil; slog.New(slog.DiscardHandler) says nothing")
		}
		o.log = log
		return nil
	}
}

// WithBackoff sets the first and the greatest delay before the link is tried again. The default is 100 ms and 10 s.
func WithBackoff(first, most time.Duration) Option {
	return func(o *options) error {
		if first <= 0 || most < first {
			return fmt.Errorf("WithBackoff: %v and %v: the first has to be above 0, the second not below the first", first, most)
		}
		o.first, o.most = first, most
		return nil
	}
}

// WithOutbox bounds what is kept until the relay acknowledges it: events, and their encoded bytes. It is never more than
// the relay's window, which is 16,384 events and 8 MiB unless the relay says otherwise.
func WithOutbox(events, bytes int) Option {
	return func(o *options) error {
		if events < 1 || bytes < 1 {
			return fmt.Errorf("WithOutbox: %d events and %d bytes: both have to be above 0", events, bytes)
		}
		o.events, o.bytes = events, bytes
		return nil
	}
}

func settings(target string, with []Option) (*options, error) {
	o := &options{
		capabilities: map[Capability]bool{},
		log:          slog.Default(),
		first:        100 * time.Millisecond,
		most:         10 * time.Second,
	}
	for _, set := range with {
		if err := set(o); err != nil {
			return nil, fmt.Errorf("footplate: %w", err)
		}
	}
	if o.producerID == "" {
		return nil, errors.New("footplate: the engine has no name; give it one by WithProducerID")
	}
	if o.credentials == nil {
		if o.token != nil && !stays(target) {
			return nil, fmt.Errorf("footplate: a token would cross the network to %s in the clear; encrypt the link by WithTransportCredentials", target)
		}
		o.credentials = insecure.NewCredentials()
	}
	return o, nil
}

// stays tells whether what is sent there never leaves this machine.
func stays(target string) bool {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	at := target[strings.LastIndex(target, "/")+1:]
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		host = at
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}
